"""A process's folder for arms and scratch, and those that killed processes left behind."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from pathlib import Path

from app.sandbox.arms import remove_tree

PREFIX = "findings-work-"
"""Of all folders that are swept when their process is gone."""

_LOCK = ".in-use"
_YOUNGEST_S = 60.0
"""A folder as young as this may belong to a process that is about to lock it."""


class WorkDir:
    """A folder that is held by a lock, which the kernel drops when the process ends."""

    def __init__(self, parent: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self.path.chmod(0o711)  # the tests' own user passes through, and sees no names
        self._handle = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder."""
        remove_tree(self.path)
        os.close(self._handle)


def work_folders(parent: Path | None = None) -> list[Path]:
    """Return the folders of all processes of this machine, those of dead ones too."""
    return sorted((parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"))


def sweep_orphans(parent: Path | None = None) -> int:
    """Remove the folders of processes that are gone; tell how many. File work: use a thread."""
    removed = 0
    for folder in work_folders(parent):
        if _is_orphan(folder):
            remove_tree(folder)
            removed += 1
    return removed


def _is_orphan(folder: Path) -> bool:
    try:
        found = folder.lstat()
        # Only what is ours: the parent folder is one in which everybody may put things.
        if found.st_uid != os.geteuid() or time.time() - found.st_mtime < _YOUNGEST_S:
            return False
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return folder.is_dir() and not folder.is_symlink()
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
