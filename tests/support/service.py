"""A whole service, started as its user starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

_START_S = 90.0
_STOP_S = 60.0
T = TypeVar("T")


@dataclass
class Service:
    """A running ``findings serve``."""

    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def admin_token(self) -> str:
        """The first admin's token."""
        return (self.data_dir / "admin-token").read_text().strip()

    def client(self, token: str | None = None) -> httpx.Client:
        """A client with a token, by default the admin's."""
        headers = {"Authorization": f"Bearer {token or self.admin_token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=90)

    def environment(self) -> dict[str, str]:
        """What a command of this service's user runs with."""
        return {**clean_environment(), "FINDINGS_URL": self.url, "FINDINGS_TOKEN": self.admin_token}


def clean_environment() -> dict[str, str]:
    """The environment without settings of the service."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FINDINGS_") and name != "DATABASE_URL"
    }


def bare_pytest() -> dict[str, str]:
    """That of a pytest without the plugins installed here, which take seconds to import."""
    return {**clean_environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that would not start."""
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("findings: ")
    return line


def start(
    data_dir: Path,
    extra: Mapping[str, str] | None = None,
    *,
    name: str = "serve",
    python: Path | str = sys.executable,
    code: Path | None = None,
) -> Service:
    """Start the service on a free port and wait until it is ready; `code` is another version's."""
    settings = {**(extra or {}), **({"PYTHONPATH": str(code)} if code else {})}
    command = [str(python), "-m", "app.cli", "serve"]
    return start_process(command, data_dir, settings, log=data_dir / f"{name}.log", cwd=code)


def start_process(
    command: Sequence[str],
    data_dir: Path,
    extra: Mapping[str, str],
    *,
    log: Path,
    cwd: Path | None = None,
) -> Service:
    """Start the service by a command of one's own and wait until it is ready."""
    process = _launch(command, data_dir, extra, log, cwd)
    return Service(_wait_for_url(process, log), data_dir, process, log)


def start_command(
    command: str,
    data_dir: Path,
    extra: Mapping[str, str] | None = None,
    *,
    name: str,
    python: Path | str = sys.executable,
) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a command of the server in a session of its own; return the process and its log."""
    log = data_dir / f"{name}.log"
    return _launch([str(python), "-m", "app.cli", command], data_dir, extra or {}, log), log


def _launch(
    command: Sequence[str],
    data_dir: Path,
    extra: Mapping[str, str],
    log: Path,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    environment = {
        **clean_environment(),
        "FINDINGS_DATA_DIR": str(data_dir),
        "FINDINGS_PORT": "0",
        "FINDINGS_LOG_FORMAT": "text",
        **extra,
    }
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until(condition: Callable[[], T | None], seconds: float = 60.0, *, why: str) -> T:
    """Return what `condition` gives as soon as it gives something that counts as true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s: {why}")


def _wait_for_url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_S
    pause = 0.05
    while time.monotonic() < deadline:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("Findings serves "):
                return line.removeprefix("Findings serves ").strip()
        if process.poll() is not None:
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(pause)
    raise AssertionError(f"the service did not start:\n{log.read_text(errors='replace')[-4000:]}")


def stop(service: Service) -> int:
    """Stop it as Ctrl-C does, and return its exit code."""
    if service.process.poll() is None:
        service.process.send_signal(signal.SIGINT)
    return service.process.wait(_STOP_S)


@contextlib.contextmanager
def running_service(data_dir: Path, extra: Mapping[str, str] | None = None) -> Iterator[Service]:
    """A service for the length of the block."""
    service = start(data_dir, extra)
    try:
        yield service
    finally:
        stop(service)
