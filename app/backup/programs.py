"""PostgreSQL's own programs, at work on one database.

They learn the password from their environment: command lines can be read by every user.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.backup.progress import TablesRead, table_sizes
from app.embedded import program
from app.errors import StartupError

_PART = 1 << 16
_LINES_BETWEEN = 100
_NEWEST_FIRST_SETTINGS = b"SET transaction_timeout = 0;\n"
"""Part of each script; servers older than PostgreSQL 17 do not know it."""

_GUARD = b"""
CREATE TEMPORARY TABLE restore_end (id integer PRIMARY KEY);
CREATE TEMPORARY TABLE restore_begin (
    id integer REFERENCES restore_end DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO restore_begin VALUES (1);
"""
"""psql commits at the end of its input, also when whoever fed it was killed half way. With this the
commit fails unless the last statement was there."""

_LAST = b"\nINSERT INTO pg_temp.restore_end VALUES (1);\n"

DUMP = (
    "--format=custom",
    "--verbose",
    "--no-owner",
    "--no-privileges",
    "--no-tablespaces",
    "--no-publications",
    "--no-subscriptions",
    "--no-security-labels",
)


def dump(url: str, tell: Callable[[int], None]) -> Iterator[bytes]:
    """Yield a dump of the database: one moment of it, whatever is written meanwhile.

    Args:
        url: of the database.
        tell: hears of bytes of tables that were read since it heard last.

    Raises:
        StartupError: pg_dump failed.
    """
    command = [str(program("pg_dump")), *DUMP]
    sizes = table_sizes(url)
    with tempfile.TemporaryFile() as errors:
        with _running(url, command, stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            read = TablesRead(sizes, errors, tell)
            while part := process.stdout.read(_PART):
                yield part
                read.wrote(len(part))
            read.ended()
        _require_success("pg_dump", process, errors)


def load(
    url: str, dumped: IO[bytes], *, first: str, old_server: bool, tell: Callable[[int], None]
) -> None:
    """Load a dump in one transaction, after the statements `first`; all of it or nothing.

    Args:
        url: of the database.
        dumped: a file that stands where the dump begins.
        first: SQL to be run before it, in the same transaction.
        old_server: the server is older than PostgreSQL 17.
        tell: hears of bytes of the dump that were read since it heard last.

    Raises:
        StartupError: the dump cannot be read, or the database refused it.
    """
    reading = [str(program("pg_restore")), "--no-owner", "--no-privileges", "--file=-"]
    writing = [
        *(str(program("psql")), "--no-psqlrc", "--quiet", "--single-transaction"),
        *("--output=/dev/null", "--set=ON_ERROR_STOP=1", "--file=-"),
    ]
    start = dumped.tell()
    with tempfile.TemporaryFile() as read_errors, tempfile.TemporaryFile() as write_errors:
        with (
            _running(None, reading, stdin=dumped, stdout=subprocess.PIPE, stderr=read_errors) as r,
            _running(url, writing, stdin=subprocess.PIPE, stderr=write_errors) as w,
        ):
            assert r.stdout is not None
            assert w.stdin is not None
            try:
                w.stdin.write(_GUARD + first.encode() + b"\n")
                lines = _known_to(r.stdout, old_server=old_server)
                for line in _counted(lines, dumped, start, tell):
                    w.stdin.write(line)
                if r.wait() == 0:
                    w.stdin.write(_LAST)
                w.stdin.close()
            except BrokenPipeError:
                r.kill()  # psql gave up, and says why
        if r.returncode > 0:
            _require_success("pg_restore", r, read_errors)
        _require_success("psql", w, write_errors)


def _counted(
    lines: Iterable[bytes], dumped: IO[bytes], at: int, tell: Callable[[int], None]
) -> Iterator[bytes]:
    """Yield the lines, telling how far beyond `at` the dump has been read for them."""
    for number, line in enumerate(lines):
        yield line
        if number % _LINES_BETWEEN == 0:
            # The reading process has the same place in the file as this one.
            before, at = at, max(at, dumped.tell())
            tell(at - before)
    tell(max(0, dumped.tell() - at))


def _known_to(script: Iterable[bytes], *, old_server: bool) -> Iterator[bytes]:
    """Yield the script without the settings that an old server refuses.

    They stand before everything else: below, the same words may be somebody's data.
    """
    lines = iter(script)
    for line in lines:
        if line.startswith(b"CREATE "):
            yield line
            break
        if not (old_server and line == _NEWEST_FIRST_SETTINGS):
            yield line
    yield from lines


@contextmanager
def _running(
    url: str | None,
    command: Sequence[str],
    *,
    stderr: IO[bytes],
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    environment: dict[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    if url is not None:
        known = conninfo_to_dict(url)
        environment |= _secrets(known)
        target = make_conninfo("", **{k: v for k, v in known.items() if k != "password"})
        command = [*command, f"--dbname={target}"]
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment)
    try:
        yield process
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                _close(stream)
        process.wait()


def _close(stream: IO[bytes]) -> None:
    """Close a pipe whose other end may be gone."""
    try:
        stream.close()
    except BrokenPipeError:
        return


def _secrets(known: Mapping[str, object]) -> dict[str, str]:
    password = known.get("password")
    return {} if password is None else {"PGPASSWORD": str(password)}


def _require_success(name: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    if process.returncode == 0:
        return
    errors.seek(0)
    said = [line for line in errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
    why = next((line for line in said if "rror:" in line), said[-1] if said else "it says nothing")
    if "server version mismatch" in "".join(said):
        raise StartupError(
            "The database server is newer than the programs that come with findings.",
            remedy="Back it up with the pg_dump of that server's version.",
        )
    raise StartupError(
        f"{name} failed: {why.strip().rstrip('.')}.",
        remedy="Nothing was changed. Mend the cause and try again.",
    )
