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

MOST_FILES = 20_000
"""Of a folder that is read."""
BYTE_CODE = frozenset({"__pycache__"})


class FolderError(ValueError):
    """A folder is missing, or holds something that is neither a file nor a folder."""


def read_folder(
    folder: Path, *, skip: Collection[str] = (), byte_code: bool = False
) -> dict[str, bytes]:
    """Read every regular file below `folder`, keyed by relative path with forward slashes.

    Folders named in `skip`, at any depth, are left out, and byte code unless it is asked for.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise FolderError(f"{folder} is not a folder")
    found: dict[str, bytes] = {}
    skipped = frozenset(skip) if byte_code else BYTE_CODE.union(skip)
    _read_into(found, folder, "", skipped)
    return found


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


def _read_into(
    found: dict[str, bytes], folder: Path, prefix: str, skipped: Collection[str]
) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise FolderError(f"{prefix}{entry.name} is a symbolic link; use a plain file")
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in skipped:
                    _read_into(found, Path(entry.path), f"{prefix}{entry.name}/", skipped)
            elif entry.is_file(follow_symlinks=False):
                if BYTE_CODE.isdisjoint(skipped) or not entry.name.endswith(".pyc"):
                    if len(found) == MOST_FILES:
                        raise FolderError(
                            f"{folder} and what lies before it hold more than {MOST_FILES} files; "
                            "name the folders of the code alone"
                        )
                    found[f"{prefix}{entry.name}"] = Path(entry.path).read_bytes()
            else:
                raise FolderError(f"{prefix}{entry.name} is not a regular file")
