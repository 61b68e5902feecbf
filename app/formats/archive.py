"""Zip archives of documents: read in memory and never believed, written as a stream."""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from app.domain.documents import MAX_DOCUMENTS, MAX_UNPACKED_BYTES, SourceFile
from app.errors import FieldError, InvalidInput, PayloadTooLarge
from app.formats.interface import Circumstances, ExportedDocument, Items

MAX_DOCUMENT_BYTES = 1 << 20
"""A single document may have so many; no more of one is ever unpacked at once."""

_CHUNK = 1 << 16
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError)


def why_unsafe(path: str) -> str | None:
    """Say why a path is none of a document below a folder, None when it is one."""
    if not path or len(path) > 1000:
        return "the path is empty or longer than 1000 characters"
    if _CONTROL.search(path):
        return "the path holds a control character"
    if path.startswith(("/", "\\")) or _DRIVE.match(path):
        return "the path is absolute; it should be relative to the folder of documents"
    if ".." in re.split(r"[/\\]", path):
        return "the path leads out of its folder ('..')"
    return None


def cleaned(path: str) -> str:
    """A safe path without empty and ``.`` parts, with ``/`` between the others."""
    return "/".join(part for part in re.split(r"[/\\]+", path) if part not in ("", "."))


class Archive:
    """A zip archive in memory. Its entries are unpacked one at a time, and counted before.

    Args:
        data: its bytes.
        why_not: says why a file is not taken by its name; None when it is.
        most: bytes of a file that are unpacked.
    """

    def __init__(
        self,
        data: bytes,
        why_not: Callable[[str], str | None] | None = None,
        most: int = MAX_DOCUMENT_BYTES,
    ) -> None:
        """
        Raises:
            InvalidInput: it is no zip archive.
            PayloadTooLarge: it has too many entries, or unpacks to too much.

        """
        self._why_not, self._most = why_not or why_no_document, most
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _BROKEN:
            raise InvalidInput(FieldError("", "the body is not a zip archive")) from None
        self._entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        if len(self._entries) > MAX_DOCUMENTS:
            raise PayloadTooLarge(
                f"The archive has {len(self._entries)} entries; at most {MAX_DOCUMENTS} are read."
            )
        self._count()

    @property
    def paths(self) -> frozenset[str]:
        """The paths of all entries."""
        return frozenset(cleaned(entry.filename) for entry in self._entries)

    def __iter__(self) -> Iterator[SourceFile]:
        """The entries in their order; one that cannot be taken says why."""
        for entry in self._entries:
            yield self._file(entry)

    def _count(self) -> None:
        """Unpack everything once and keep nothing: what an archive says of its sizes may lie."""
        total = 0
        for entry in self._entries:
            if self._refusal(entry):
                continue
            try:
                with self._zip.open(entry) as file:
                    while chunk := file.read(_CHUNK):
                        total += len(chunk)
                        if total > MAX_UNPACKED_BYTES:
                            raise PayloadTooLarge(
                                f"The archive unpacks to more than {MAX_UNPACKED_BYTES} bytes."
                            )
            except _BROKEN:
                continue

    def _file(self, entry: zipfile.ZipInfo) -> SourceFile:
        refused = self._refusal(entry)
        if refused:
            return SourceFile(entry.filename[:200], refused=refused)
        path = cleaned(entry.filename)
        try:
            with self._zip.open(entry) as file:
                # One byte more than may be, so that the reader of documents sees it is too long.
                return SourceFile(path, file.read(self._most + 1))
        except _BROKEN as error:
            return SourceFile(path, refused=f"the entry is damaged: {error}")

    def _refusal(self, entry: zipfile.ZipInfo) -> str | None:
        if entry.flag_bits & _ENCRYPTED:
            return "the entry is encrypted"
        if entry.compress_type not in _METHODS:
            return "the entry is compressed in a way other than deflate"
        if stat.S_ISLNK(entry.external_attr >> 16):
            return "the entry is a symbolic link"
        return why_unsafe(entry.filename) or self._why_not(entry.filename)


def why_no_document(path: str) -> str | None:
    """Say why a file is no document by its name."""
    if path.lower().endswith((".md", ".markdown")):
        return None
    return "not a Markdown file: its name should end in .md"


class ArchiveWriter:
    """A zip archive written piece by piece into memory that is emptied after each piece."""

    def __init__(self) -> None:
        self._out = _Outlet()
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED)

    def add(self, path: str, content: bytes, at: datetime) -> bytes:
        """Add a file, and return the bytes that can be sent."""
        moment = at.timetuple()[:6]
        info = zipfile.ZipInfo(path, max(moment, _EPOCH))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        self._zip.writestr(info, content)
        return self._out.take()

    def close(self) -> bytes:
        """End the archive, and return its last bytes."""
        self._zip.close()
        return self._out.take()


class DocumentArchive:
    """The documents of tickets, under the paths they came from."""

    items = Items.DOCUMENT

    def __init__(self, _: Circumstances) -> None:
        self._archive = ArchiveWriter()

    def opening(self) -> bytes:
        """Nothing: an archive begins with its first entry."""
        return b""

    def item(self, value: ExportedDocument) -> bytes:
        """One document."""
        return self._archive.add(value.path, value.content, value.ticket.updated_at)

    def closing(self) -> bytes:
        """The list of entries."""
        return self._archive.close()


class _Outlet(io.RawIOBase):
    """What a zip archive is written to: not seekable, so nothing is written twice."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Pieces can be written."""
        return True

    def write(self, data: Any) -> int:
        """Keep a piece until it is taken."""
        self._pieces.append(bytes(data))
        return len(data)

    def seekable(self) -> bool:
        """What was taken is gone."""
        return False

    def take(self) -> bytes:
        """Return what was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
