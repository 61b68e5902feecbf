"""The digest of a folder: what "the same package" and "the same suite" mean.

SHA-256 over the sorted relative paths and bytes of the regular files, each with its length, so that
no two different folders share the input of the hash. Byte code (``__pycache__``) is left out, and a
folder with a symbolic link or another irregular file has no digest: what it holds could change
without the folder changing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from app.domain.targets import MOST_BYTES, MOST_FILE_BYTES, MOST_FILES

BYTE_CODE = frozenset({"__pycache__"})


class FolderError(ValueError):
    """A folder is missing, or holds something that is neither a file nor a folder."""


def read_folder(
    folder: Path, *, skip: Collection[str] = (), byte_code: bool = False, most: int | None = None
) -> dict[str, bytes]:
    """Read every regular file below `folder`, keyed by relative path with forward slashes.

    Folders named in `skip`, at any depth, are left out, and byte code unless it is asked for.

    Raises:
        FolderError: it is no folder, holds what is no plain file, or too much: more than `most`
            files (default: as many as a target may hold), or too many bytes.
        OSError: it cannot be read.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise FolderError(f"{folder} is not a folder")
    skipped = frozenset(skip) if byte_code else BYTE_CODE.union(skip)
    reading = _Reading(folder, skipped, MOST_FILES if most is None else most)
    reading.read_into(folder, "")
    return reading.found


def read_file(place: Path) -> bytes:
    """Return what a file holds, if that is not too much to be part of an arm.

    Raises:
        FolderError: it is too large.
        OSError: it cannot be read.
    """
    with place.open("rb") as file:
        if os.fstat(file.fileno()).st_size > MOST_FILE_BYTES:
            raise FolderError(
                f"{place} has more than {MOST_FILE_BYTES >> 20} MiB; keep what is so large outside "
                "the folders that are named"
            )
        return file.read()


def digest_of(files: Mapping[str, bytes]) -> str:
    """The digest of files given by relative path."""
    result = hashlib.sha256()
    for path in sorted(files):
        name, content = path.encode(), files[path]
        result.update(b"%d %b %d " % (len(name), name, len(content)))
        result.update(content)
    return result.hexdigest()


def digest_folder(folder: Path, *, skip: Collection[str] = ()) -> str:
    """The digest of the files below `folder`."""
    return digest_of(read_folder(folder, skip=skip))


class _Reading:
    """Reads one folder, within bounds."""

    def __init__(self, top: Path, skipped: Collection[str], most: int) -> None:
        self._top = top
        self._skipped = skipped
        self._most = most
        self._bytes = 0
        self.found: dict[str, bytes] = {}

    def read_into(self, folder: Path, prefix: str) -> None:
        """Read what is in `folder`, which lies at `prefix`, and below it."""
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise FolderError(f"{prefix}{entry.name} is a symbolic link; use a plain file")
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in self._skipped:
                        self.read_into(Path(entry.path), f"{prefix}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    if BYTE_CODE.isdisjoint(self._skipped) or not entry.name.endswith(".pyc"):
                        self._take(f"{prefix}{entry.name}", Path(entry.path))
                else:
                    raise FolderError(f"{prefix}{entry.name} is not a regular file")

    def _take(self, name: str, place: Path) -> None:
        if len(self.found) == self._most:
            raise FolderError(
                f"{self._top} and what lies before it hold more than {self._most} files; name the "
                "folders of the code alone"
            )
        self.found[name] = read_file(place)
        self._bytes += len(self.found[name])
        if self._bytes > MOST_BYTES:
            raise FolderError(
                f"{self._top} holds more than {MOST_BYTES >> 20} MiB; keep what is so large outside"
            )
