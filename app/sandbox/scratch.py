"""The scratch of an arm as it was after collection, put back between two forks.

Used by the supervisor, which reaches the guest's own ``/tmp`` and ``/dev/shm`` through ``/proc``.
The guest may have put anything there, so every step goes by descriptor, follows no link and stays
on the one file system.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 32 << 20
MAX_ENTRIES = 4096
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TooLarge(Exception):
    """What lies in the scratch after collection is more than is kept in memory."""


@dataclass(frozen=True)
class _Entry:
    """A file, folder or link as it was."""

    mode: int
    owner: int
    content: bytes | str | None
    """Bytes of a file, target of a link, None for a folder."""


class Snapshot:
    """Remembers one folder and restores it."""

    def __init__(self, folder: Path) -> None:
        """Take the snapshot; raises `TooLarge`, and OSError when the folder cannot be read."""
        self._folder = folder
        self._entries: dict[str, _Entry] = {}
        self._bytes = 0
        with _opened(folder) as top:
            for path, parent, name, found in _walk(top):
                self._entries[path] = self._read(parent, name, found)

    def restore(self) -> None:
        """Put the folder back; raises OSError when that cannot be done."""
        with _opened(self._folder) as top:
            if not self._entries and not os.listdir(top):
                return
            if self._is_unchanged(top):
                return
            _empty(top)
            for path, entry in self._entries.items():
                _make(top, path, entry)

    def _read(self, parent: int, name: str, found: os.stat_result) -> _Entry:
        content: bytes | str | None = None
        if stat.S_ISLNK(found.st_mode):
            content = os.readlink(name, dir_fd=parent)
        elif stat.S_ISREG(found.st_mode):
            self._bytes += found.st_size
            if self._bytes > MAX_BYTES:
                raise TooLarge(f"more than {MAX_BYTES} bytes")
            content = _bytes_of(parent, name)
        elif not stat.S_ISDIR(found.st_mode):
            raise TooLarge("a socket, queue or device")
        if len(self._entries) >= MAX_ENTRIES:
            raise TooLarge(f"more than {MAX_ENTRIES} files")
        return _Entry(found.st_mode, found.st_uid, content)

    def _is_unchanged(self, top: int) -> bool:
        # Times do not serve: what is written through shared memory changes none.
        count = 0
        for path, parent, name, found in _walk(top):
            entry = self._entries.get(path)
            if entry is None or (entry.mode, entry.owner) != (found.st_mode, found.st_uid):
                return False
            if stat.S_ISREG(found.st_mode):
                same_size = found.st_size == len(entry.content or b"")
                if not same_size or _bytes_of(parent, name) != entry.content:
                    return False
            elif stat.S_ISLNK(found.st_mode) and os.readlink(name, dir_fd=parent) != entry.content:
                return False
            count += 1
        return count == len(self._entries)


class _opened:  # noqa: N801 - reads like a function
    """A folder's descriptor for the length of a block."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, _FOLDER)

    def __enter__(self) -> int:
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _walk(top: int, prefix: str = "") -> Iterator[tuple[str, int, str, os.stat_result]]:
    """Yield path, parent's descriptor, name and state of all below `top`, folders first."""
    device = os.fstat(top).st_dev
    for name in sorted(os.listdir(top)):
        found = os.stat(name, dir_fd=top, follow_symlinks=False)
        path = f"{prefix}{name}"
        if found.st_dev != device:
            continue  # an interpreter that lies below /tmp is shown there, read-only
        yield path, top, name, found
        if stat.S_ISDIR(found.st_mode):
            folder = os.open(name, _FOLDER, dir_fd=top)
            try:
                yield from _walk(folder, f"{path}/")
            finally:
                os.close(folder)


def _empty(top: int) -> bool:
    """Remove all below `top`; False when something of another file system keeps it in use."""
    device = os.fstat(top).st_dev
    emptied = True
    for name in os.listdir(top):
        found = os.stat(name, dir_fd=top, follow_symlinks=False)
        if found.st_dev != device:
            emptied = False
        elif not stat.S_ISDIR(found.st_mode):
            os.unlink(name, dir_fd=top)
        elif _empty_below(top, name):
            os.rmdir(name, dir_fd=top)
        else:
            emptied = False
    return emptied


def _empty_below(parent: int, name: str) -> bool:
    """Remove all in a folder, also in one that its owner closed."""
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{handle}", 0o700)
    finally:
        os.close(handle)
    folder = os.open(name, _FOLDER, dir_fd=parent)
    try:
        return _empty(folder)
    finally:
        os.close(folder)


def _bytes_of(parent: int, name: str) -> bytes:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MAX_BYTES + 1)


def _make(top: int, path: str, entry: _Entry) -> None:
    """Make one entry anew; its folder is there already and holds only what we made."""
    if isinstance(entry.content, str):
        os.symlink(entry.content, path, dir_fd=top)
    elif entry.content is None:
        # One that holds something of another file system is still there.
        with suppress(FileExistsError):
            os.mkdir(path, 0o700, dir_fd=top)
    else:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600, dir_fd=top), "wb") as file:
            file.write(entry.content)
    if os.geteuid() == 0:
        os.chown(path, entry.owner, entry.owner, dir_fd=top, follow_symlinks=False)
    if not isinstance(entry.content, str):
        os.chmod(path, stat.S_IMODE(entry.mode), dir_fd=top)
