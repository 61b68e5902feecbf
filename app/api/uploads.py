"""What an import sends: a document, a form with many, an archive, lines of JSON, or a report."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO
from urllib.parse import unquote

from fastapi import Request
from starlette.datastructures import UploadFile

from app.api.forms import read_form
from app.domain.documents import MAX_DOCUMENTS, SourceFile
from app.errors import FieldError, InvalidInput, PayloadTooLarge, UnsupportedMediaType
from app.formats.archive import (
    MAX_DOCUMENT_BYTES,
    Archive,
    cleaned,
    why_no_document,
    why_unsafe,
)

MAX_BYTES = 64 << 20
"""Of documents in one request, however they are packed."""

MAX_LINES_BYTES = 8 << 30
"""Of lines of JSON in one request; they are read as they come."""

MAX_SOURCE_BYTES = 2 << 20
"""Of a file of source code."""

MAX_LINE_BYTES = 64 << 20

_IN_MEMORY = 4 << 20
"""A smaller report needs no disk."""

_MARKDOWN = ("text/markdown", "text/x-markdown", "text/plain")
_ZIP = ("application/zip", "application/x-zip-compressed")
_FORM = "multipart/form-data"
_LINES = ("application/jsonl", "application/x-ndjson", "application/x-jsonlines", "text/plain")


@dataclass(frozen=True)
class ReportKind:
    """A kind of report, which is put down on the disk as it comes."""

    name: str
    media_types: tuple[str, ...]
    max_bytes: int


SARIF = ReportKind("SARIF", ("application/sarif+json", "application/json"), 256 << 20)
JUNIT = ReportKind("JUnit", ("application/xml", "text/xml"), 64 << 20)

DESCRIBED = {
    "requestBody": {
        "required": True,
        "content": {
            "text/markdown": {"schema": {"type": "string"}},
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "files": {
                            "type": "array",
                            "maxItems": MAX_DOCUMENTS,
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/sarif+json": {"schema": {"type": "string"}},
            "application/xml": {"schema": {"type": "string"}},
        },
    }
}


@dataclass(frozen=True)
class Upload:
    """The documents of an import, to be read one after the other."""

    files: Iterable[SourceFile]
    paths: frozenset[str]


async def documents(request: Request, source_path: str | None) -> Upload:
    """Return the documents in the body of a request.

    Raises:
        UnsupportedMediaType: it is of another type.
        PayloadTooLarge: it is too large, or has too many parts.
        InvalidInput: it cannot be unpacked, or the source path is none.
    """
    sent = _media_type(request)
    if sent in _MARKDOWN:
        return _one(await _body(request), source_path)
    if sent in _ZIP:
        archive = Archive(await _body(request))
        return Upload(archive, archive.paths)
    if sent == _FORM:
        return await _form(request)
    raise UnsupportedMediaType(
        f"Documents come as text/markdown, application/zip or {_FORM}, not as {sent[:80]!r}. Set "
        "the Content-Type header."
    )


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: Request) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BYTES:
            raise PayloadTooLarge(f"An import may have at most {MAX_BYTES} bytes; split it up.")
        pieces.append(piece)
    return b"".join(pieces)


def _one(content: bytes, source_path: str | None) -> Upload:
    path = source_name(source_path)
    if path is None:
        return Upload([SourceFile(None, content)], frozenset())
    return Upload([SourceFile(path, content)], frozenset([path]))


async def _form(request: Request) -> Upload:
    size = int(request.headers.get("content-length") or 0)
    if size > MAX_BYTES:
        raise PayloadTooLarge(f"An import may have at most {MAX_BYTES} bytes; split it up.")
    form = await read_form(
        request, max_files=MAX_DOCUMENTS, max_fields=0, max_part_size=MAX_DOCUMENT_BYTES
    )
    uploads = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
    files: list[SourceFile] = []
    total = 0
    for upload in uploads:
        file = await _part(upload)
        total += len(file.content)
        if total > MAX_BYTES:
            raise PayloadTooLarge(f"An import may have at most {MAX_BYTES} bytes; split it up.")
        files.append(file)
    return Upload(files, frozenset(file.path for file in files if file.path))


async def _part(upload: UploadFile) -> SourceFile:
    name = upload.filename or ""
    if reason := why_unsafe(name) or why_no_document(name):
        return SourceFile(name[:200], refused=reason)
    return SourceFile(cleaned(name), await upload.read(MAX_DOCUMENT_BYTES + 1))


async def checkout(request: Request) -> dict[str, bytes]:
    """Return the files of source code in a zip archive, by path.

    Raises:
        UnsupportedMediaType: it is of another type.
        PayloadTooLarge: it is too large, or has too many entries.
        InvalidInput: it is no archive.
    """
    sent = _media_type(request)
    if sent not in _ZIP:
        raise UnsupportedMediaType(f"A checkout comes as {_ZIP[0]}, not as {sent[:80]!r}.")
    archive = Archive(await _body(request), lambda _: None, MAX_SOURCE_BYTES)
    return await asyncio.to_thread(
        lambda: {file.path: file.content for file in archive if file.path and not file.refused}
    )


async def lines(request: Request) -> AsyncIterator[bytes]:
    """Yield the lines of a body as they come, without their ends.

    Raises:
        UnsupportedMediaType: it is of another type.
        PayloadTooLarge: a line is too long.
    """
    sent = _media_type(request)
    if sent not in _LINES:
        raise UnsupportedMediaType(
            f"JSON Lines come as application/x-ndjson, not as {sent[:80]!r}. Set the Content-Type "
            "header."
        )
    held: list[bytes] = []
    size = 0
    async for piece in request.stream():
        *whole, rest = piece.split(b"\n")
        for line in whole:
            yield b"".join([*held, line])
            held, size = [], 0
        held.append(rest)
        size += len(rest)
        if size > MAX_LINE_BYTES:
            raise PayloadTooLarge(f"A line may have at most {MAX_LINE_BYTES} bytes.")
    if size:
        yield b"".join(held)


@asynccontextmanager
async def report(request: Request, kind: ReportKind) -> AsyncIterator[IO[bytes]]:
    """Open the report in a body, which is gone when the block ends.

    Raises:
        UnsupportedMediaType: it is of another type.
        PayloadTooLarge: it is too large.
    """
    sent = _media_type(request)
    if sent not in kind.media_types:
        raise UnsupportedMediaType(
            f"{kind.name} comes as {kind.media_types[0]}, not as {sent[:80]!r}. Set the "
            "Content-Type header."
        )
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > kind.max_bytes:
                raise PayloadTooLarge(
                    f"A report may have at most {kind.max_bytes} bytes; split it up."
                )
            if size > _IN_MEMORY:
                await asyncio.to_thread(file.write, piece)
            else:
                file.write(piece)
        yield file


def source_name(given: str | None) -> str | None:
    """Return the path in a header, which is where a single document lies.

    Raises:
        InvalidInput: it is no path below a folder.
    """
    if given is None:
        return None
    try:
        # Header values arrive as Latin-1; clients send UTF-8, or percent signs.
        path = unquote(given.encode("latin-1").decode("utf-8"), errors="strict")
    except UnicodeError:
        path = "\x00"
    if reason := why_unsafe(path):
        raise InvalidInput(FieldError("/X-Source-Path", reason, location="header"))
    return cleaned(path)


def prefers_markdown(accept: str) -> bool:
    """Tell whether an Accept header asks for Markdown rather than JSON."""
    wanted = dict(_ranges(accept))
    markdown = wanted.get("text/markdown", 0.0)
    return markdown > 0 and markdown >= max(
        (q for kind, q in wanted.items() if kind == "application/json"), default=0.0
    )


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            yield kind, float(weight)
        except ValueError:
            yield kind, 0.0
