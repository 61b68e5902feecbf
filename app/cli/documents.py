"""Documents on this machine: found, put in order, and packed for the service."""

from __future__ import annotations

import glob
import io
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.cli.errors import UsageProblem
from app.cli.inputs import read_bytes
from app.cli.text import visible

FOLDERS = ("triaged", "fixed", "wontfix", "not-a-bug")
"""Folders whose names say something of the tickets in them."""

SUFFIXES = (".md", ".markdown")
REPORTS = {
    ".sarif": ("sarif", "application/sarif+json"),
    ".sarif.json": ("sarif", "application/sarif+json"),
    ".xml": ("junit", "application/xml"),
}
"""Format and media type of a report, by how its file is named."""
GUESS = "guess"
"""Asks for a layout instead of naming one."""
MAX_LAYOUT = 64 << 10
MAX_AT_ONCE = 100
MAX_BYTES_AT_ONCE = 8 << 20
MAX_ARCHIVE = 64 << 20


@dataclass(frozen=True)
class Found:
    """A document, and the path that the service is to know it by."""

    path: str
    file: Path


@dataclass(frozen=True)
class Parcel:
    """A body to be sent."""

    content: bytes
    media_type: str
    count: int
    source_path: str | None = None


def find(sources: Sequence[str]) -> list[Found]:
    """Return the documents in files and folders, patterns resolved, in the order of their paths.

    Raises:
        UsageProblem: a source does not exist, or two documents would have the same path.
    """
    found: dict[str, Found] = {}
    for source in sources:
        for document in _in(source):
            other = found.setdefault(document.path, document)
            if other.file.resolve() != document.file.resolve():
                raise UsageProblem(
                    f"{visible(other.file)} and {visible(document.file)} would both be known as "
                    f"{visible(document.path)}",
                    "Import the folder above them",
                )
    return sorted(found.values(), key=lambda document: document.path)


def _in(source: str) -> Iterator[Found]:
    path = Path(source)
    if path.is_dir():
        yield from _below(path)
        return
    files = [path] if path.is_file() else [Path(p) for p in glob.glob(source, recursive=True)]
    if not files:
        raise UsageProblem(f"there is no file, folder or match for {visible(source)}")
    for file in files:
        if file.is_dir():
            yield from _below(file)
        else:
            yield Found(_named(file), file)


def _below(folder: Path) -> Iterator[Found]:
    base = folder.resolve()
    # A folder that says something of its tickets stays in their paths.
    prefix = f"{base.name}/" if base.name in FOLDERS else ""
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in SUFFIXES and file.is_file():
            yield Found(prefix + file.relative_to(folder).as_posix(), file)


def _named(file: Path) -> str:
    parent = file.resolve().parent.name
    return f"{parent}/{file.name}" if parent in FOLDERS else file.name


def parcels(documents: Iterable[Found]) -> Iterator[Parcel]:
    """Pack documents, a bounded number at a time.

    Those of one name stay together: whether a document has moved, or stands twice, can be told
    only of those that come at once.
    """
    by_name: dict[str, list[Found]] = {}
    for document in documents:
        by_name.setdefault(Path(document.path).stem, []).append(document)
    held: list[tuple[str, bytes]] = []
    size = 0
    for group in by_name.values():
        for document in group:
            content = read_bytes(str(document.file), limit=MAX_ARCHIVE)
            held.append((document.path, content))
            size += len(content)
        if len(held) >= MAX_AT_ONCE or size >= MAX_BYTES_AT_ONCE:
            yield _packed(held)
            held, size = [], 0
    if held:
        yield _packed(held)


def _packed(documents: Sequence[tuple[str, bytes]]) -> Parcel:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in documents:
            # A fixed time: dates before 1980 cannot be said, and none is wanted.
            archive.writestr(zipfile.ZipInfo(path), content, compress_type=zipfile.ZIP_DEFLATED)
    return Parcel(out.getvalue(), "application/zip", len(documents))


def from_stdin(source_path: str | None) -> Parcel:
    """Return the document on standard input."""
    content = read_bytes("-", limit=MAX_ARCHIVE)
    kind = "application/zip" if content.startswith(b"PK\x03\x04") else "text/markdown"
    return Parcel(content, kind, 1, source_path)


def archive_at(file: str) -> Parcel:
    """Return a zip archive as it is."""
    return Parcel(read_bytes(file, limit=MAX_ARCHIVE), "application/zip", 1)


def report_kind(source: str) -> tuple[str, str] | None:
    """Return format and media type of a report; None for what is named otherwise."""
    fitting = (kind for end, kind in REPORTS.items() if source.lower().endswith(end))
    return next(fitting, None)


def layout_text(layout: str) -> str:
    """Return a layout as the service takes it: the text of a file, or a name.

    Raises:
        UsageProblem: the file cannot be read.
    """
    if not layout.endswith(".toml"):
        return layout
    return read_bytes(layout, limit=MAX_LAYOUT).decode("utf-8", "replace")


def quoted(path: str) -> str:
    """Return a path as a header can hold it."""
    return quote(path, safe="/", errors="surrogateescape")


def size_of(source: str | Path) -> int | None:
    """Return the bytes of a file; None for standard input, whose end nobody knows."""
    try:
        return None if source == "-" else Path(source).stat().st_size
    except OSError:
        return None  # reading it says what is wrong


def pieces(source: str) -> Iterator[bytes]:
    """Yield a file, or standard input for ``-``, piece by piece.

    Raises:
        UsageProblem: it cannot be read.
    """
    try:
        if source == "-":
            yield from iter(lambda: sys.stdin.buffer.read(1 << 20), b"")
            return
        with Path(source).open("rb") as file:
            yield from iter(lambda: file.read(1 << 20), b"")
    except OSError as error:
        raise UsageProblem(f"{visible(source)} cannot be read: {error.strerror}") from None
