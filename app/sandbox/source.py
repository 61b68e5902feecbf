"""Reading the files of a target for people and agents who look at the code that tickets name."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from app.domain.targets import Target
from app.sandbox.digests import BYTE_CODE

MAX_BYTES = 2 << 20


class SourceError(ValueError):
    """A path names no file that may be read; the message says why."""


class NotShown(SourceError):
    """The file is there, and too large or no text."""


def folders_of(target: Target) -> tuple[str, ...]:
    """Return the folders below the root whose files may be read."""
    return (*target.packages, *target.suites)


def read_source(target: Target, path: str) -> bytes:
    """Read a file below the package or the suite. File work: call it in a thread.

    Nothing else below the root is read, also not through a symbolic link.

    Raises:
        SourceError: there is no such file.
    """
    parts = parts_of(target, path)
    place = target.root
    for part in parts:
        place = place / part
        if place.is_symlink():
            raise SourceError("is reached through a symbolic link, which is not followed")
    if not place.is_file():
        raise SourceError("is a folder" if place.is_dir() else "is not there")
    if place.stat().st_size > MAX_BYTES:
        raise NotShown(f"is larger than {MAX_BYTES >> 20} MiB")
    return place.read_bytes()


def parts_of(target: Target, path: str) -> tuple[str, ...]:
    """Return the names that a path below the package or the suite is made of.

    Raises:
        SourceError: it is none.
    """
    parts = _parts(path)
    if not any(parts[: len(top)] == top for top in map(_parts, folders_of(target))):
        raise SourceError(f"lies outside {' and '.join(folders_of(target))}")
    return parts


def list_sources(target: Target) -> list[str]:
    """Return the paths of all files that may be read, sorted. File work: call it in a thread."""
    found = []
    for top in folders_of(target):
        if (target.root / top).is_file():
            found.append(top)
        for folder, folders, files in os.walk(target.root / top):
            folders[:] = [name for name in folders if name not in BYTE_CODE]
            places = [Path(folder, name) for name in files]
            found += [
                place.relative_to(target.root).as_posix()
                for place in places
                if not place.is_symlink()
            ]
    return sorted(set(found))


def stated_as(target: Target, path: str) -> str:
    """Return a path as a ticket states it, relative to the target's root.

    Reports are made elsewhere: what stands before the folder of the package or suite is not of
    this machine, as in ``/home/ci/project/kasmina/blend_ops.py``.
    """
    for prefix, folder in target.paths.items():
        if path.startswith(prefix):
            return f"{folder}{path.removeprefix(prefix)}"
    parts = PurePosixPath(path).parts
    for top in map(_parts, folders_of(target)):
        for first in range(len(parts) - len(top)):
            if parts[first : first + len(top)] == top:
                return "/".join(parts[first:])
    return path


def _parts(path: str) -> tuple[str, ...]:
    """Return the names that a relative path in plain form is made of.

    Raises:
        SourceError: it is absolute, or not in plain form.
    """
    parts = PurePosixPath(path).parts
    plain = "\\" not in path and path == "/".join(parts) and BYTE_CODE.isdisjoint(parts)
    if not parts or not plain or ".." in parts or len(path) > 1000:
        raise SourceError("is no path relative to the target's root")
    return parts
