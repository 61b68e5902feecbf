"""The commands that start the service; everything else speaks HTTP to it."""

from __future__ import annotations

import gc
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from app.cli.progress import Bar, resumable
from app.cli.session import JsonFlag, opened
from app.cli.signature import Argument, Option

if TYPE_CHECKING:
    from app.config import Settings
    from app.diagnosis import Diagnosis

STARTUP_FAILED = 2


@contextmanager
def settings_in_force() -> Iterator[Settings]:
    """Give the settings; a failure to start becomes one line and exit code 2."""
    from app.config import load_settings  # the server's code loads only when it is started
    from app.errors import FindingsError

    try:
        yield load_settings()
    except FindingsError as error:
        print(f"findings: {error}", file=sys.stderr)
        raise click.exceptions.Exit(STARTUP_FAILED) from None


def serve(
    port: Annotated[
        int | None, Option(metavar="N", min=1, max=65535, help="Else FINDINGS_PORT, else 8000.")
    ] = None,
    host: Annotated[
        str | None, Option(metavar="ADDRESS", help="Else FINDINGS_HOST, else 127.0.0.1.")
    ] = None,
    data_dir: Annotated[
        str | None, Option(metavar="DIR", help="Where its state lies; else FINDINGS_DATA_DIR.")
    ] = None,
    workers: Annotated[
        int | None,
        Option(metavar="N", min=0, help="Runs at once, 0 for none; else FINDINGS_WORKERS, else 1."),
    ] = None,
) -> None:
    """Start the service with its worker, and its own database unless DATABASE_URL is set."""
    given = {"PORT": port, "HOST": host, "DATA_DIR": data_dir, "WORKERS": workers}
    # Processes that the service starts read them too.
    os.environ.update({f"FINDINGS_{name}": str(v) for name, v in given.items() if v is not None})

    with settings_in_force() as settings:
        from app import logs, startup

        logs.configure(settings.log_format, settings.log_level)
        with startup.ready_to_serve(settings) as (sock, url):
            gc.disable()  # until all of it is loaded: then it has garbage collected again
            from app import serving  # the whole service, which a refused start need not wait for

            serving.serve(settings, sock, url, _announce)


def worker() -> None:
    """Execute queued runs; as many such processes as wanted, on any machine."""
    with settings_in_force() as settings:
        from app import logs, startup

        logs.configure(settings.log_format, settings.log_level)
        url = startup.ready_to_work(settings)
        gc.disable()
        from app import serving

        serving.work(settings, url)


def migrate() -> None:
    """Bring the schema of the database in DATABASE_URL to this version."""
    with settings_in_force() as settings:
        from app import startup

        before, after = startup.upgrade(settings, startup.existing_database_url(settings))
        print(f"Schema: {before or 'empty'} -> {after}" if before != after else f"Schema: {after}")


def backup(
    file: Annotated[Path, Argument(help="Written whole or not at all.")],
) -> None:
    """Write everything the service knows into FILE; it may go on running meanwhile."""
    with settings_in_force() as settings:
        from app import backup, startup

        with (
            resumable(lambda: "stopped: no backup was written", "Run it again for the whole"),
            startup.any_database(settings) as url,
            Bar("Reading", backup.size_of(url), in_bytes=True) as bar,
        ):
            done = backup.back_up(url, file, bar.advance)
        print(f"Wrote {file}: schema {done.schema}, {done.bytes} bytes, SHA-256 {done.sha256}")


def restore(
    file: Annotated[Path, Argument(help="That findings backup wrote.")],
    force: Annotated[bool, Option("--force", help="Replace what the database holds.")] = False,
) -> None:
    """Fill the database of DATABASE_URL, or the embedded one, from a backup."""
    with settings_in_force() as settings:
        from app import backup, startup
        from app.cli.documents import size_of

        with (
            resumable(lambda: "stopped: the database is as it was", "Run it again for the whole"),
            startup.offline_database(settings) as url,
            Bar("Restoring", size_of(file), in_bytes=True) as bar,
        ):
            done = backup.restore(url, file, force=force, tell=bar.advance)
        if settings.database_url is None:
            # Its token may be unknown to what was restored; the next start makes a new one.
            settings.admin_token_file.unlink(missing_ok=True)
        print(f"Restored {file} of {done.created_at}: schema {done.schema}")


def doctor(ctx: click.Context, as_json: JsonFlag = None) -> None:
    """Say what is in force and what is broken; exit code 1 when something is."""
    with settings_in_force() as settings:
        from app import diagnosis

        show_diagnoses(ctx, diagnosis.examine(settings), as_json)


def show_diagnoses(ctx: click.Context, found: Sequence[Diagnosis], as_json: str | None) -> None:
    """Say what works and what does not; exit code 1 when something does not that is needed."""
    with opened(ctx, as_json=as_json) as session:
        if not session.out.printed_json([vars(item) for item in found]):
            width = max(len(item.name) for item in found)
            for item in found:
                mark = "ok  " if item.ok else ("FAIL" if item.needed else "no  ")
                session.out.line(f"{mark}  {item.name:<{width}}  {item.detail}")
    if not all(item.ok for item in found if item.needed):
        raise click.exceptions.Exit(1)


def _announce(settings: object, login_link: str | None) -> None:
    from app.config import Settings

    assert isinstance(settings, Settings)
    ours = [name for name in ("FINDINGS_PORT", "FINDINGS_DATA_DIR") if name in os.environ]
    exports = "".join(f"  export {name}={shlex.quote(os.environ[name])}\n" for name in ours)
    pages = f"Open the pages, once, within 15 minutes: {login_link}\n" if login_link else ""
    print(
        f"""
Findings serves {settings.url}
The admin token lies in {settings.admin_token_file}
{pages}
Next, in another terminal:
{exports}  findings whoami
  findings load-examples
  findings ticket list

Ctrl-C stops web, worker and database.
""",
        flush=True,
    )
