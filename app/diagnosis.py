"""What ``findings doctor`` looks at: what is in force, and what is broken."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.config import Settings
from app.database import KEPT, check_server, require_clock, require_head, what_is_kept
from app.embedded import EmbeddedCluster
from app.errors import StartupError
from app.sandbox.arms import size_of
from app.sandbox.digests import FolderError
from app.sandbox.installed import NEEDED, missing_modules
from app.sandbox.interface import SandboxMode
from app.sandbox.snapshot import take_snapshot
from app.sandbox.workdir import work_folders
from app.sandbox.zygote import ZygoteSandbox


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    """What was found; when it is not well, how to mend it."""

    needed: bool = True
    """False when the service gets along without it."""


def examine(settings: Settings) -> list[Diagnosis]:
    """Look at everything; what cannot be looked at is a finding, never an exception."""
    return [
        Diagnosis("settings", True, _settings(settings)),
        Diagnosis("address", True, settings.url),
        Diagnosis("data directory", *_data_dir(settings.data_dir)),
        *_token(settings.admin_token_file),
        *_database(settings),
        *_target(settings),
        Diagnosis("kept on this machine", True, _work_folders()),
        *_engine(),
        *_sandbox(settings),
    ]


def _settings(settings: Settings) -> str:
    """Say what was set, passwords left out."""
    given = sorted(settings.model_fields_set - {"database_url"})
    words = [f"FINDINGS_{name.upper()}={_plain(getattr(settings, name))}" for name in given]
    if settings.database_url is not None:
        words.append("DATABASE_URL")
    return f"{', '.join(words) or 'none'}; everything else as by default"


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _data_dir(path: Path) -> tuple[bool, str]:
    if not path.exists():
        return True, f"{path} (made at the first start)"
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o022:
        return False, f"{path} can be written to by others (mode {mode:04o}); chmod go-w it"
    return True, str(path)


def _token(path: Path) -> Iterator[Diagnosis]:
    if not path.exists():
        yield Diagnosis("admin token", False, f"{path} is not there yet", needed=False)
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    closed = mode == 0o600
    detail = str(path) if closed else f"{path} has mode {mode:04o}; chmod 600 it"
    yield Diagnosis("admin token", closed, detail)


def _database(settings: Settings) -> Iterator[Diagnosis]:
    if settings.database_url is None:
        status = EmbeddedCluster(settings.data_dir).status()
        state = f"PostgreSQL {status.version or '(not set up yet)'}, " + (
            f"running as process {status.pid}" if status.running else "not running"
        )
        yield Diagnosis("embedded database", True, state)
        for problem in status.problems:
            yield Diagnosis("embedded database", False, problem)
        if not status.running:
            return
        url = EmbeddedCluster(settings.data_dir).service_url
    else:
        url = settings.database_url.get_secret_value()
    try:
        revision = check_server(url)
    except StartupError as error:
        yield Diagnosis("database", False, str(error))
        return
    try:
        require_head(url)
    except StartupError as error:
        yield Diagnosis("schema", False, str(error))
        return
    yield Diagnosis("schema", True, f"at {revision}")
    try:
        require_clock(url, settings.clock_tolerance_s)
    except StartupError as error:
        yield Diagnosis("clock", False, str(error))
        return
    yield Diagnosis("kept in the database", True, _kept(what_is_kept(url)))
    agrees = "agrees with the database" if settings.clock_tolerance_s else "not looked at"
    yield Diagnosis("clock", True, agrees)


def _kept(found: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(
        f"{KEPT[name]}: {_megabytes(size)} in about {rows} rows"
        for name, (rows, size) in found.items()
    )


def _work_folders() -> str:
    folders = work_folders()
    arms = [arm for folder in folders for arm in (folder / "arms").glob("[!.]*")]
    used = sum(size_of(folder) for folder in folders)
    return (
        f"{len(folders)} folders of processes below {tempfile.gettempdir()}, {_megabytes(used)}, "
        f"with {len(arms)} prepared copies of the package"
    )


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"


def _target(settings: Settings) -> Iterator[Diagnosis]:
    try:
        snapshot = take_snapshot(settings.target)
    except (FolderError, OSError) as error:
        yield Diagnosis("target", False, f"{error}; set FINDINGS_TARGET_ROOT")
        return
    detail = (
        f"{settings.target.root / settings.target.packages[0]}, {len(snapshot.test_digests)} test "
        f"files, package {snapshot.package_digest[:12]}, suite {snapshot.suite_digest[:12]}"
    )
    yield Diagnosis("target", True, detail)


def _engine() -> Iterator[Diagnosis]:
    missing = missing_modules()
    for name in NEEDED:
        there = name not in missing
        detail = "installed" if there else "not installed; this machine can serve, but run no test"
        yield Diagnosis(name, there, detail, needed=False)


def _sandbox(settings: Settings) -> Iterator[Diagnosis]:
    strict = settings.sandbox is SandboxMode.STRICT
    with tempfile.TemporaryDirectory(prefix="findings-") as scratch:
        mode = settings.sandbox or SandboxMode.RELAXED
        sandbox = ZygoteSandbox(Path(scratch), mode, hidden=lambda: (settings.data_dir,))
        for layer in sandbox.layers():
            yield Diagnosis(f"layer {layer.name}", layer.works, layer.detail, needed=strict)
