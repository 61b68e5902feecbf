"""Bytes to :class:`Document`."""

from __future__ import annotations

import re
from dataclasses import replace

from app.formats.markdown.blocks import MAX_PARTS, Outline, TooManyParts
from app.formats.markdown.claims import taken_lines
from app.formats.markdown.comments import hide
from app.formats.markdown.document import (
    Document,
    FieldTable,
    Section,
    SectionKind,
    Title,
)
from app.formats.markdown.fences import scan_ticket
from app.formats.markdown.oddities import oddities
from app.formats.markdown.problems import (
    DEFAULT_LIMITS,
    FormatError,
    FormatProblem,
    Limits,
)
from app.formats.markdown.read_fields import (
    TICKET_KINDS,
    read_categories,
    read_checklist,
    read_field_table,
    read_more_locations,
    read_sections,
    read_summary,
    read_title,
)
from app.formats.markdown.read_links import read_commits, read_related, read_reports
from app.formats.markdown.read_reviews import read_reviews
from app.formats.markdown.source import Source, decode
from app.formats.markdown.words import KEY

_HEADING_LINE = re.compile(r" {0,3}##[ \t]")


def parse(
    data: bytes, *, source_path: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> Document:
    """Read a ticket document.

    Oddities are collected in ``Document.warnings``; the source path, where given, is compared
    with the Ticket ID.

    Raises:
        FormatError: the bytes are no ticket; every reason with its line.

    """
    return read(decode(data, limits.max_bytes), source_path, limits)


def read(source: Source, source_path: str | None, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read a ticket from lines, as :func:`parse` does from bytes."""
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
    outline = scan_ticket(source.lines, max_nesting)
    if not any("<!--" in line for line in source.lines):
        return source, outline
    lines = hide(source.lines, outline.comments, outline.opaque)
    if lines == source.lines:
        return source, outline
    return source.read_as(lines), scan_ticket(lines, max_nesting)


def _errors(
    source: Source,
    outline: Outline,
    title: Title | None,
    metadata: Section | None,
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
    sections: tuple[Section, ...],
    metadata: FieldTable,
) -> Document:
    first: dict[SectionKind, Section] = {}
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
    document = replace(document, taken=frozenset(taken_lines(document)))
    return replace(document, warnings=tuple(oddities(document)))
