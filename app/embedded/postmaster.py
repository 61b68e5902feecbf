"""Finds, watches and ends the server process of a cluster.

The server notes its number, and whether it is ready, in ``postmaster.pid``. The note outlives a
server that was killed, and the number may by then be another program's; so the process itself is
looked at, too.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.embedded.account import Account
from app.embedded.datadir import PORT, DataDir

PID_LINE, STATE_LINE = 0, 7
NEVER_A_PID = 2**22 + 1
"""One more than the largest process number of Linux, see proc_sys_kernel(5)."""

LOG_MAX = 1 << 20
"""Bytes from which on a log is turned over at the next start."""


@dataclass(frozen=True)
class Postmaster:
    """The main process of a running server."""

    pid: int

    state: str
    """``starting``, ``ready``, ``stopping``, or empty while it has not said yet."""


def running_postmaster(pg: Path) -> Postmaster | None:
    """Returns the server that runs on the cluster ``pg``, if one does.

    Raises:
        OSError: the cluster cannot be looked at.
    """
    lines = _pid_file_lines(pg)
    pid = _pid_of(lines)
    if pid is None or not is_server(pid, pg):
        return None
    return Postmaster(pid, lines[STATE_LINE].strip() if len(lines) > STATE_LINE else "")


def is_server(pid: int, pg: Path) -> bool:
    """Returns whether a process is a live PostgreSQL server of the cluster ``pg``."""
    if not _is_alive(pid):
        return False
    process = Path(f"/proc/{pid}")
    if not Path("/proc/self/cwd").exists():
        return True
    try:
        folder, executable = (process / "cwd").readlink(), (process / "exe").readlink()
    except OSError:
        # Ended meanwhile, ended and not yet collected by its parent, or another user's.
        return False
    return folder == pg.resolve() and executable.name.startswith("postgres")


def disarm_stale_notes(data_dir: DataDir) -> None:
    """Keeps the notes of a dead server from being taken for those of a live one.

    PostgreSQL refuses to start when the number noted there is in use, by whatever program of the
    same user. Only the number is changed: the rest leads the next server to the shared memory of
    the dead one, whose last processes it must not run beside.

    Call it only when `running_postmaster` finds nothing.

    Raises:
        OSError: a note cannot be read or written.
    """
    socket_note = data_dir.socket_dir / f".s.PGSQL.{PORT}.lock"
    for note in (data_dir.pg / "postmaster.pid", socket_note):
        try:
            handle = open_regular(note, os.O_RDWR)
        except FileNotFoundError:
            continue
        with os.fdopen(handle, "r+") as file:
            lines = file.read().splitlines(keepends=True)
            pid = _pid_of(lines)
            if pid is None or not _is_alive(pid):
                continue
            file.seek(0)
            file.truncate()
            file.writelines([f"{NEVER_A_PID}\n", *lines[1:]])


def open_log(data_dir: DataDir, account: Account) -> int:
    """Opens the server's log for appending, turned over first when it has grown large.

    Raises:
        OSError: it cannot be opened.
    """
    if data_dir.log.is_file() and data_dir.log.stat().st_size > LOG_MAX:
        data_dir.log.replace(data_dir.log.with_name(f"{data_dir.log.name}.1"))
    handle = open_regular(data_dir.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    account.own(handle)
    return handle


def read_log(data_dir: DataDir, start: int) -> str:
    """Returns what the server has logged since the log was ``start`` bytes long.

    Raises:
        OSError: it cannot be read.
    """
    handle = open_regular(data_dir.log, os.O_RDONLY)
    with os.fdopen(handle, "rb") as file:
        file.seek(start)
        return file.read(LOG_MAX).decode("utf-8", "replace")


def open_regular(path: Path, flags: int) -> int:
    """Opens a plain file, mode 0600 if new; never what a link or a pipe of its name leads to.

    The files of the cluster belong to the server's user, who may have fewer rights than the
    service and must not be able to lead it elsewhere.

    Raises:
        OSError: it cannot be opened or is no plain file.
    """
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return handle


def signal_server(pid: int, *, hard: bool) -> None:
    """Asks a server to end: fast (transactions are rolled back), or hard (as after a crash)."""
    try:
        os.kill(pid, signal.SIGQUIT if hard else signal.SIGINT)
    except ProcessLookupError:
        return


def poll(seconds: float) -> Iterator[None]:
    """Yields at short intervals until the time is over; once in any case."""
    deadline = time.monotonic() + seconds
    yield
    while time.monotonic() < deadline:
        time.sleep(0.01)
        yield


def _pid_file_lines(pg: Path) -> list[str]:
    try:
        handle = open_regular(pg / "postmaster.pid", os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return []
    with os.fdopen(handle, errors="replace") as file:
        return file.read().splitlines()


def _pid_of(lines: list[str]) -> int | None:
    text = lines[PID_LINE].strip() if lines else ""
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
