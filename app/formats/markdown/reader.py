"""Bytes to :class:`Document`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.formats.markdown.blocks import MAX_PARTS, Outline, TooManyParts, scan
from app.formats.markdown.checklist import read_checklist
from app.formats.markdown.comments import hide
from app.formats.markdown.document import (
    Document,
    DocumentSection,
    FieldTable,
    Place,
    SectionKind,
    Title,
)
from app.formats.markdown.locations import read_more_locations
from app.formats.markdown.metadata import TICKET_KINDS, read_field_table, read_title
from app.formats.markdown.oddities import oddities
from app.formats.markdown.problems import DEFAULT_LIMITS, FormatError, FormatProblem, Limits
from app.formats.markdown.relations import read_related, related_spans
from app.formats.markdown.reports import REPORTS_LABEL, read_reports
from app.formats.markdown.resolution import read_commits
from app.formats.markdown.reviews import read_reviews
from app.formats.markdown.sections import frame_line, read_sections
from app.formats.markdown.source import Source, Span, decode
from app.formats.markdown.summary import read_categories, read_summary
from app.formats.markdown.words import KEY

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})(.*)$")
_HEADING = re.compile(r"##(?:[ \t]|$)")
_FRAMED = (
    SectionKind.LOCATION,
    SectionKind.SUMMARY,
    SectionKind.VERIFICATION,
    SectionKind.APPENDIX,
)
_HEADING_LINE = re.compile(r" {0,3}##[ \t]")


def parse(
    data: bytes,
    *,
    source_path: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    warn: bool = True,
) -> Document:
    """Read a ticket document.

    Oddities are collected in ``Document.warnings``, unless nobody wants them (`warn`); the source
    path, where given, is compared with the Ticket ID.

    Raises:
        FormatError: the bytes are no ticket; every reason with its line.

    """
    document = read(decode(data, limits.max_bytes), source_path, limits)
    return replace(document, warnings=tuple(oddities(document))) if warn else document


def read(source: Source, source_path: str | None, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read a ticket from lines, as :func:`parse` does from bytes, and warn of nothing."""
    written = source
    source, outline = without_comments(written, 2 * limits.max_nesting)
    title = read_title(outline.blocks)
    sections = read_sections(source, outline)
    metadata = next((s for s in sections if s.kind is SectionKind.METADATA), None)
    table = read_field_table(metadata) if metadata else None
    errors = _errors(source, outline, title, metadata, table, limits)
    if errors or title is None or table is None:
        raise FormatError(errors)
    return _assemble(written, source, outline, source_path, title, sections, table)


def without_comments(source: Source, max_nesting: int) -> tuple[Source, Outline]:
    """A source as it is read, and its outline.

    Raises:
        FormatError: it falls into too many parts.
    """
    try:
        return _without_comments(source, max_nesting)
    except TooManyParts:
        reason = (
            f"the document falls into more than {MAX_PARTS} paragraphs, list items, rows and "
            "cells, the most that are read; split it, or put what a tool printed into a fence"
        )
        raise FormatError([FormatProblem(1, reason)]) from None


def _without_comments(source: Source, max_nesting: int) -> tuple[Source, Outline]:
    outline = _scan_ticket(source.lines, max_nesting)
    if not any("<!--" in line for line in source.lines):
        return source, outline
    lines = hide(source.lines, outline.comments, outline.opaque)
    if lines == source.lines:
        return source, outline
    return source.read_as(lines), _scan_ticket(lines, max_nesting)


def _errors(
    source: Source,
    outline: Outline,
    title: Title | None,
    metadata: DocumentSection | None,
    table: FieldTable | None,
    limits: Limits,
) -> list[FormatProblem]:
    """Why this cannot be read as a ticket."""
    found: list[tuple[int, str]] = []
    if outline.depth >= 2 * limits.max_nesting - 1:
        reason = f"lists or quotes nested more than {limits.max_nesting} deep"
        found.append((outline.deepest, reason))
    if outline.open_fence is not None:
        swallowed = source.lines[outline.open_fence + 1 :]
        if any(_HEADING_LINE.match(line) for line in swallowed):
            reason = "this fence is never closed and swallows the sections below it"
            found.append((outline.open_fence, reason))
    for block in outline.blocks:
        if block.kind == "heading" and block.level == 1 and title:
            kind = block.text.partition(":")[0].strip().casefold()
            if block.span.start != title.line and ":" in block.text and kind in TICKET_KINDS:
                reason = f"a second title; the first is in line {title.line + 1}. One ticket a file"
                found.append((block.span.start, reason))
    if title is None:
        found.append((0, "no title: a ticket begins with '# Finding Ticket: <title>'"))
    if metadata is None:
        reason = (
            "not a ticket: it has no section '## Ticket Metadata' with a table of Ticket ID, "
            "Severity and Status; GET /api/v1/template shows a whole one"
        )
        found.append((0, reason))
    elif table is None:
        found.append((metadata.line, "this section has no table with the ticket's fields"))
    else:
        key = table.value("Ticket ID")
        cell = table.get("Ticket ID")
        if key is None:
            found.append((table.span.start, "the table states no Ticket ID"))
        elif not KEY.fullmatch(key):
            line = cell.line if cell else table.span.start
            found.append((line, f"Ticket ID '{key[:80]}' is no ticket key such as B2-DRL-10"))
    return [FormatProblem(line + 1, reason) for line, reason in found]


def _assemble(
    written: Source,
    source: Source,
    outline: Outline,
    source_path: str | None,
    title: Title,
    sections: tuple[DocumentSection, ...],
    metadata: FieldTable,
) -> Document:
    first: dict[SectionKind, DocumentSection] = {}
    for section in sections:
        first.setdefault(section.kind, section)
    location = first.get(SectionKind.LOCATION)
    related = first.get(SectionKind.RELATED)
    appendix = first.get(SectionKind.APPENDIX)
    commit_blocks, commits = read_commits(source, sections)
    reviews = (read_reviews(source, s) for s in sections if s.kind is SectionKind.REVIEW)
    document = Document(
        source=written,
        read=source,
        outline=outline,
        source_path=source_path,
        title=title,
        sections=sections,
        metadata=metadata,
        location=read_field_table(location) if location else None,
        more_locations=read_more_locations(source, location),
        summary=read_summary(source, first.get(SectionKind.SUMMARY)),
        categories=read_categories(source, first.get(SectionKind.SUMMARY)),
        checklist=read_checklist(first.get(SectionKind.VERIFICATION)),
        related=read_related(source, related) if related else None,
        reviews=tuple(review for group in reviews for review in group),
        resolution=first.get(SectionKind.RESOLUTION),
        commit_blocks=commit_blocks,
        commits=commits,
        reports=read_reports(source, appendix) if appendix else (),
    )
    return replace(document, taken=frozenset(_taken_lines(document)))


def _taken_lines(document: Document) -> Iterator[int]:
    """Every line that is read as a value, or frames values."""
    for span in dict.fromkeys(_taken_spans(document)):
        yield from range(span.start, span.end)
    for kind in _FRAMED:
        line = frame_line(document.read, document.first(kind))
        if line is not None:
            yield line
    for block in document.commit_blocks:
        yield from block.taken


def _taken_spans(document: Document) -> Iterator[Span]:
    yield document.metadata.span
    if document.location:
        yield document.location.span
    if document.summary:
        yield Span(document.summary.line, document.summary.line + 1)
    yield from (item.span for item in document.more_locations)
    yield from (row.item.own for row in document.categories)
    yield from (item.own for item in document.checklist)
    yield from related_spans(document)
    for review in document.reviews:
        yield review.part if review.place is not Place.OWN else review.section.body
        if review.table:
            yield review.table.span
        yield review.prose
    yield from (report.span for report in document.reports)
    if appendix := document.first(SectionKind.APPENDIX):
        for block in appendix.blocks:
            last = block.span.end - 1
            if block.kind == "paragraph" and REPORTS_LABEL.match(document.read.lines[last]):
                yield Span(last, last + 1)


def _scan_ticket(lines: Sequence[str], max_nesting: int) -> Outline:
    """The outline of a whole ticket, with fences read as they are meant.

    Inside list items code may be indented less than its item. CommonMark ends the item, and with it
    the fence, at the first such line; the closing fence then opens another one, which swallows the
    sections below. The authors meant the fence to run to its closing line. Where reading it so
    brings back sections that are swallowed otherwise, it is.
    """
    plain = scan(lines, max_nesting)
    if not any(line[:1] in " \t" and _FENCE.match(line) for line in lines):
        return plain
    mended, meant = _mended(lines)
    if not set(_headings(plain)) < meant:
        return plain
    other = scan(mended, max_nesting)
    return other if set(_headings(other)) == meant else plain


def _headings(outline: Outline) -> list[int]:
    return [b.span.start for b in outline.blocks if b.kind == "heading" and b.level == 2]


def _mended(lines: Sequence[str]) -> tuple[list[str], set[int]]:
    """Lines with the code of fences indented as the fence is; and level-2 headings outside.

    The set is empty when a fence is never closed: then nothing can be said.
    """
    out, headings = list(lines), set()
    indent, marks = "", ""
    for i, line in enumerate(lines):
        fence = _FENCE.match(line)
        if marks:
            if fence and fence[2].startswith(marks) and not fence[3].strip():
                marks = ""
            elif line.strip() and not line.startswith(indent):
                out[i] = indent + line.lstrip(" \t")
        elif fence and "`" not in fence[3]:
            indent, marks = fence[1], fence[2]
        elif _HEADING.match(line):
            headings.add(i)
    return out, set() if marks else headings
