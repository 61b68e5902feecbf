"""A service of its own for the demonstration: fresh, on a free port, gone afterwards."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.datadir import ADMIN_TOKEN_FILE

PROJECT = Path(__file__).resolve().parents[2]
READY_S = 120.0
"""How long a first start may take; it makes a database."""

STOP_S = 30.0


class DemoError(Exception):
    """The demonstration cannot go on; the message says why."""


@dataclass(frozen=True)
class DemoService:
    """The running service."""

    url: str
    data_dir: Path
    log: Path

    @property
    def admin_token(self) -> str:
        """The token that the first start made."""
        return (self.data_dir / ADMIN_TOKEN_FILE).read_text().strip()


def command() -> list[str]:
    """Return how to start ``findings``: as the installed command of this Python, or its module."""
    script = Path(sys.executable).with_name("findings")
    return [str(script)] if script.exists() else [sys.executable, "-m", "app.cli"]


def clean_environment() -> dict[str, str]:
    """Return the environment without what would lead to another service or database."""
    return {
        name: value
        for name, value in os.environ.items()
        if name != "DATABASE_URL" and not name.startswith("FINDINGS_")
    }


@contextmanager
def running_service() -> Iterator[DemoService]:
    """Start a service in a temporary folder; stop it and remove the folder in every case.

    Raises:
        DemoError: it did not come up; the message ends with its log.
    """
    # Under /tmp whatever TMPDIR says: a database's socket needs a short path.
    with tempfile.TemporaryDirectory(prefix="fd-", dir=_short_folder()) as folder:
        data_dir, log, port = Path(folder) / "data", Path(folder) / "log", _free_port()
        environment = clean_environment() | {
            "FINDINGS_DATA_DIR": str(data_dir),
            "FINDINGS_PORT": str(port),
        }
        with log.open("wb") as output:
            process = subprocess.Popen(  # our own command
                [*command(), "serve"],
                env=environment,
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C is for the demonstration, which then stops the service in order.
                start_new_session=True,
            )
        service = DemoService(f"http://127.0.0.1:{port}", data_dir, log)
        try:
            _await_ready(process, port, log)
            yield service
        finally:
            _stop(process)


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoError(f"The service ended with code {process.returncode}.\n{_tail(log)}")
        if _is_ready(port):
            return
        time.sleep(0.1)
    raise DemoError(f"The service was not ready after {READY_S:.0f} s.\n{_tail(log)}")


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the service as Ctrl-C would, and more firmly when it does not listen."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            continue


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _short_folder() -> str | None:
    return "/tmp" if os.access("/tmp", os.W_OK) else None  # noqa: S108  # made fresh


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-20:]
    return "\n".join(["The end of its log:", *(f"  {line}" for line in lines)])
