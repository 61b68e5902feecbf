"""One service per data directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from app.embedded.datadir import DataDir
from app.errors import StartupError


class DataDirLock:
    """Holds a data directory for this process, as a context manager.

    The kernel drops the lock when the process ends, however it ends. Programs started meanwhile do
    not inherit it (the file is opened close-on-exec, as Python does by default), so a database
    server that outlives a killed service does not keep the next one out.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = DataDir.at(data_dir)
        self._handle: int | None = None

    def __enter__(self) -> Self:
        """Takes the lock without waiting.

        Raises:
            StartupError: another process holds it, or the data directory cannot be used.
        """
        self._data_dir.prepare()
        try:
            handle = os.open(self._data_dir.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StartupError(
                f"The file {self._data_dir.lock} cannot be opened: {error.strerror}.",
                remedy="Give it to the service's user with chown, or delete it while no service "
                "is running.",
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            raise StartupError(
                f"Another findings service (pid {holder}) already uses this data directory: "
                f"{self._data_dir.root}.",
                remedy="Use that one, stop it first, or start this one with another "
                "FINDINGS_DATA_DIR and FINDINGS_PORT.",
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode("ascii"), 0)
        self._handle = handle
        return self

    def __exit__(self, *_: object) -> None:
        # The file stays: deleting it would let two processes lock two files of one name.
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
