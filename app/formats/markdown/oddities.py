"""What is odd about a document that can be read all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import PurePosixPath

from app.formats.markdown.cells import is_row
from app.formats.markdown.comments import SECTION_MARK
from app.formats.markdown.document import Document, SectionKind, field_name
from app.formats.markdown.problems import FormatProblem
from app.formats.markdown.read_fields import is_reserved
from app.formats.markdown.unread import unread
from app.formats.markdown.words import (
    OTHER_VERDICT,
    is_known_status,
    read_number,
    read_severity,
    relation_kind,
)

_TABLED = (
    SectionKind.METADATA,
    SectionKind.LOCATION,
    SectionKind.RELATED,
    SectionKind.REVIEW,
)


def oddities(document: Document) -> list[FormatProblem]:
    """All warnings, in the order of their lines."""
    found = [
        *_encoding(document),
        *_metadata(document),
        *_structure(document),
        *_tables(document),
        *_values(document),
        *unread(document),
    ]
    return [FormatProblem(line + 1, reason) for line, reason in sorted(found)]


def _encoding(document: Document) -> Iterator[tuple[int, str]]:
    if document.source.bom:
        yield 0, "begins with a byte order mark; it is kept"
    for i, end in enumerate(document.source.ends):
        if "\r" in end:
            name = "CRLF" if end == "\r\n" else "CR"
            yield i, f"lines end with {name}; they are kept so"
            return


def _metadata(document: Document) -> Iterator[tuple[int, str]]:
    table = document.metadata
    first = table.span.start
    if document.source_path:
        stem = PurePosixPath(document.source_path).stem
        cell = table.get("Ticket ID")
        if stem != document.key and cell:
            yield (
                cell.line,
                f"Ticket ID {document.key} contradicts the file name {stem}",
            )
    status = document.status_raw
    cell = table.get("Status")
    if status is None:
        yield (cell.line if cell else first), "no status; it is read as open"
    elif not is_known_status(status) and cell:
        yield cell.line, f"unknown status '{status}'; it is kept, and read as open"
    severity, cell = table.value("Severity"), table.get("Severity")
    if severity and cell:
        word = read_severity(severity)
        if word is None:
            yield cell.line, f"unknown severity '{severity[:40]}'; it is kept, and shown as unknown"
        elif word != severity.upper():
            yield cell.line, f"the severity '{severity[:40]}' is read as {word}"
    batch, cell = table.value("Batch"), table.get("Batch")
    if batch and read_number(batch) is None and cell:
        yield (
            cell.line,
            f"the batch '{batch[:40]}' is no number; it is kept, and read as none",
        )
    for key in ("Created", "Updated"):
        value, cell = table.value(key), table.get(key)
        if value and cell and not _is_date(value):
            yield cell.line, f"{key} '{value}' is no date; it is kept, and read as none"
    seen = set()
    for entry in table.fields:
        if field_name(entry.key) in seen:
            yield entry.cell.line, f"a second row '{entry.key}'; the first counts"
        seen.add(field_name(entry.key))


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _structure(document: Document) -> Iterator[tuple[int, str]]:
    blocks = document.outline.blocks
    if not document.title.kind:
        yield document.title.line, "the title names no kind, such as 'Finding Ticket: '"
    if not document.title.text:
        yield document.title.line, "the title is empty"
    for block in blocks:
        if block.kind == "heading" and block.level == 1 and block.span.start > document.title.line:
            yield block.span.start, "another level-1 heading; it is read as text"
    if document.outline.open_fence is not None:
        yield (
            document.outline.open_fence,
            "this fence is never closed; the rest is read as code",
        )
    begin = document.sections[0].line
    for block in blocks:
        if block.span.start < begin and block.kind not in ("heading", "rule"):
            yield (
                block.span.start,
                "text before the first section; it is kept, but is in no field",
            )
            break
    for section in document.sections:
        heading = document.source.lines[section.line].lstrip(" #\t").rstrip()
        marked = heading.endswith(SECTION_MARK)
        if section.kind is SectionKind.FREE and is_reserved(heading) and not marked:
            yield section.line, f"a second section '{heading}'; it is read as free text"


def _tables(document: Document) -> Iterator[tuple[int, str]]:
    lines = document.read.lines
    for section in document.sections:
        if section.kind not in _TABLED:
            continue
        for block in section.blocks:
            span = range(block.span.start, block.span.end)
            if block.header is not None:
                loose = next((i for i in span if not is_row(lines[i])), None)
                if loose is not None:
                    yield (
                        loose,
                        "the table has no end: an empty line is missing before this line",
                    )
                for row in block.rows:
                    if not row.closed:
                        yield row.line, "a table row without its closing pipe"
            elif block.rows and section.kind is not SectionKind.REVIEW:
                yield (
                    block.span.start,
                    "a table without the row of dashes below its header",
                )


def _values(document: Document) -> Iterator[tuple[int, str]]:
    for review in document.reviews:
        if review.verdict == OTHER_VERDICT:
            reason = f"unknown verdict '{review.verdict_raw}'; it is kept as {OTHER_VERDICT}"
            yield review.verdict_cell.line, reason
    stated = {review.section.line for review in document.reviews}
    for section in document.of_kind(SectionKind.REVIEW):
        if section.line not in stated:
            yield (
                section.line,
                "a cross-review without a verdict; it is read as free text",
            )
    for entry in document.related.entries if document.related else ():
        if entry.word and relation_kind(entry.word) is None:
            reason = f"unknown relationship '{entry.word}'; it is kept, and read as related"
            yield entry.span.start, reason
