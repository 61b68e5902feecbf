"""Files of arms, each stored once by its content and hard-linked into every arm that holds it.

All arms share the inode, so a stored file is compared with what it should hold before it is linked
once more. What no arm holds any more is removed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path
from uuid import uuid4

MOST_LINKS = 60_000
"""File systems end at about 65,000; a file that has so many is copied."""


class ContentStore:
    """Stored files below one folder. File work: call it in a thread; any thread may."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._lock = threading.Lock()

    def place(self, data: bytes, path: str) -> None:
        """Make `path` a read-only file that holds `data`.

        Raises:
            OSError: it cannot be written.
        """
        digest = hashlib.sha256(data).hexdigest()
        stored = f"{self._folder}/{digest[:2]}/{digest}"
        with self._lock:
            if not _is_whole(stored, data):
                os.makedirs(os.path.dirname(stored), exist_ok=True)
                _write(stored, data)
            try:
                os.link(stored, path)
                return
            except OSError as error:
                if error.errno not in (errno.EMLINK, errno.EPERM, errno.EXDEV, errno.ENOTSUP):
                    raise
        _write(path, data)

    def sweep(self) -> None:
        """Remove what no arm holds."""
        with self._lock:
            if not os.path.isdir(self._folder):
                return
            with os.scandir(self._folder) as shelves:
                names = [shelf.path for shelf in shelves]
            for name in names:
                with os.scandir(name) as files:
                    left = [file.path for file in files if file.stat().st_nlink == 1]
                for path in left:
                    os.unlink(path)


def _is_whole(stored: str, data: bytes) -> bool:
    """Tell whether a stored file holds what it should, and can be linked once more."""
    try:
        with open(stored, "rb") as file:
            return os.fstat(file.fileno()).st_nlink < MOST_LINKS and file.read() == data
    except FileNotFoundError:
        return False


def _write(path: str, data: bytes) -> None:
    """Write a read-only file that is whole at any time, in place of whatever is there."""
    making = f"{path}.{uuid4().hex}"
    with open(making, "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), 0o444)
    os.rename(making, path)
