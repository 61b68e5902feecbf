"""Whether a target has changed on the disk, without reading it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from app.domain.targets import MOST_FILES, Target
from app.sandbox.arms import further_names
from app.sandbox.digests import BYTE_CODE, FolderError
from app.sandbox.globs import matching

Look = frozenset[tuple[str, int, int, int]]
"""Path, inode, size and time of change of each file."""


def look_at(target: Target) -> Look:
    """Return what tells whether a target's files have changed. File work: call it in a thread.

    Raises:
        OSError: a folder cannot be read.
    """
    own = [target.root / name for name in (*target.packages, *target.suites)]
    further = [target.root / name for name in further_names(target)]
    for glob in target.files:
        with suppress(FolderError):  # that there are too many is told when they are read
            further.extend(islice(matching(target.root, glob), MOST_FILES))
    places = [*own, *(place for place in further if place.exists())]
    # With more files than these it cannot be used, whatever they are.
    return frozenset(islice((found for place in places for found in _found(place)), MOST_FILES + 1))


def _found(place: Path) -> Iterator[tuple[str, int, int, int]]:
    if place.is_dir():
        yield from _files(place)
    else:
        stat = place.stat(follow_symlinks=False)
        yield str(place), stat.st_ino, stat.st_size, stat.st_ctime_ns


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
