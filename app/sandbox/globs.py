"""Files below a folder that a glob names, looked up within bounds.

A project may hold a hundred thousand files that are none of its own (``node_modules``), and whether
its files have changed is looked at once a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from app.sandbox.digests import BYTE_CODE, FolderError

MOST_LOOKED_AT = 20_000
"""So many entries of folders may be looked at for one glob."""
_MAGIC = frozenset("*?[")

_Left = tuple[str, ...]
"""The parts of a glob that are still to be matched."""


def matching(root: Path, glob: str) -> Iterator[Path]:
    """Give the files below `root` that `glob` matches, sorted within each folder.

    ``**`` stands for any number of folders. No symbolic link to a folder is followed by a
    wildcard, and byte code is left out.

    Raises:
        FolderError: more entries than are allowed would have to be looked at.
        OSError: a folder cannot be read.
    """
    yield from _Walk(root, glob).below(root, {PurePosixPath(glob).parts})


class _Walk:
    """One look-up, and how many entries it may still look at."""

    def __init__(self, root: Path, glob: str) -> None:
        self._root = root
        self._glob = glob
        self._room = MOST_LOOKED_AT

    def below(self, folder: Path, patterns: set[_Left]) -> Iterator[Path]:
        """Give what is in `folder` and below it that one of `patterns` matches."""
        # ``**`` stands for no folder, too.
        patterns = patterns | {left[1:] for left in patterns if left[0] == "**" and left[1:]}
        if len(patterns) == 1:
            (left,) = patterns
            if _MAGIC.isdisjoint(left[0]):
                yield from self._named(folder / left[0], left[1:])
                return
        for entry in self._entries(folder):
            if entry.name in BYTE_CODE:
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            after: set[_Left] = set()
            hit = False
            for left in patterns:
                if left[0] == "**":
                    after.add(left)
                elif fnmatchcase(entry.name, left[0]):
                    after.update(filter(None, [left[1:]]))
                    hit = hit or not left[1:]
            if is_folder and after:
                yield from self.below(Path(entry.path), after)
            elif hit and entry.is_file():
                yield Path(entry.path)

    def _named(self, place: Path, left: _Left) -> Iterator[Path]:
        """Go on below a place that is named without a wildcard: its folder need not be listed."""
        if place.name in BYTE_CODE:
            return
        if left and place.is_dir():
            yield from self.below(place, {left})
        elif not left and place.is_file():
            yield place

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        with os.scandir(folder) as entries:
            found = []
            for entry in entries:
                self._room -= 1
                if self._room < 0:
                    raise FolderError(
                        f"`files`: to find {self._glob!r}, more than {MOST_LOOKED_AT} entries of "
                        f"{self._root} would have to be looked at; begin it with a folder"
                    )
                found.append(entry)
        return sorted(found, key=lambda entry: entry.name)
