r"""The backup file: a head of fixed size that describes what follows, then a dump of PostgreSQL.

::

    bytes 0-4095    "FINDINGS-BACKUP\n", the manifest as one line of JSON, padded with spaces
    from 4096 on    what pg_dump wrote in its custom format

The head is written last: a file without it was never finished. Size and SHA-256 of the dump tell
one that was cut short or changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import BinaryIO

from app.errors import StartupError

FORMAT = 1
"""Of the file. Raised when older versions could not read it any more."""

HEAD_BYTES = 4096
_MAGIC = b"FINDINGS-BACKUP\n"
_PART = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a backup says about itself."""

    format: int
    schema: str
    """Revision of the schema that it holds."""
    findings: str
    """Version of the service that wrote it."""
    postgresql: int
    """Version of the server it came from, as ``server_version_num`` counts."""
    created_at: str
    bytes: int
    """Size of the dump."""
    sha256: str
    """Digest of the dump."""


class DumpWriter:
    """Takes the dump in, and counts and digests it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The digest of what has been written."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Write a part of the dump."""
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def describe(self, manifest: Manifest) -> None:
        """Write the head, which makes the file a backup."""
        text = json.dumps(asdict(manifest), sort_keys=True).encode()
        head = (_MAGIC + text).ljust(HEAD_BYTES - 1) + b"\n"
        if len(head) != HEAD_BYTES:
            raise ValueError(f"a manifest of {len(text)} bytes does not fit")
        self._file.seek(0)
        self._file.write(head)
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def new_archive(path: Path) -> Iterator[DumpWriter]:
    """Give a writer; the file appears under its name, readable by its owner only, when all is well.

    Raises:
        StartupError: there is such a file already, or it cannot be written.
    """
    if path.exists():
        raise StartupError(f"{path} is there already.", remedy="Choose another name or remove it.")
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"\0" * HEAD_BYTES)
            yield DumpWriter(file)
        draft.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        draft.unlink(missing_ok=True)


def read_manifest(path: Path) -> Manifest:
    """Read what a backup says about itself, and check that it is whole.

    Raises:
        StartupError: it is no backup, of a newer version, cut short, changed, or unreadable.
    """
    try:
        with path.open("rb") as file:
            manifest = _parsed(path, file.read(HEAD_BYTES))
            digest, size = hashlib.sha256(), 0
            while part := file.read(_PART):
                digest.update(part)
                size += len(part)
    except OSError as error:
        raise StartupError(
            f"{path} cannot be read: {error.strerror}.", remedy="Name a file that findings wrote."
        ) from None
    if size < manifest.bytes:
        raise StartupError(
            f"{path} was cut short: it has {size} of {manifest.bytes} bytes.",
            remedy="Copy it again, or take another backup.",
        )
    if size != manifest.bytes or digest.hexdigest() != manifest.sha256:
        raise StartupError(
            f"{path} was changed after it had been written: its checksum does not fit.",
            remedy="Copy it again, or take another backup.",
        )
    return manifest


def _parsed(path: Path, head: bytes) -> Manifest:
    if not head.startswith(_MAGIC):
        raise StartupError(
            f"{path} is no backup of findings, or one that was never finished.",
            remedy="Name a file that `findings backup` wrote.",
        )
    try:
        found = json.loads(head.removeprefix(_MAGIC))
        if int(found["format"]) > FORMAT:
            raise StartupError(
                f"{path} was written by findings {found.get('findings', '?')}, a newer version.",
                remedy="Restore it with that version or a newer one.",
            )
        return Manifest(**{field.name: found[field.name] for field in fields(Manifest)})
    except (ValueError, KeyError, TypeError):
        raise StartupError(
            f"The head of {path} is damaged.", remedy="Copy it again, or take another backup."
        ) from None


def _unwritable(path: Path, error: OSError) -> StartupError:
    return StartupError(
        f"{path} cannot be written: {error.strerror}.",
        remedy="Name a file in a folder that you may write to, with enough room.",
    )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
