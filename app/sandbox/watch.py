"""Whether a target has changed on the disk, without reading it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from app.sandbox.digests import BYTE_CODE
from app.sandbox.interface import Target

Look = frozenset[tuple[str, int, int, int]]
"""Path, inode, size and time of change of each file."""


def look_at(target: Target) -> Look:
    """Return what tells whether package or suite has changed. File work: call it in a thread.

    Raises:
        OSError: a folder cannot be read.
    """
    folders = (target.root / target.package, target.root / target.suite)
    return frozenset(found for folder in folders for found in _files(folder))


def _files(folder: Path | str) -> Iterator[tuple[str, int, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in BYTE_CODE:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            else:
                stat = entry.stat(follow_symlinks=False)
                # The time of change, for that of writing may be set back by whoever writes.
                yield entry.path, stat.st_ino, stat.st_size, stat.st_ctime_ns
