"""The one-line summary and the check-list of categories below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.formats.markdown.checklist import marked
from app.formats.markdown.comments import protect, read_line
from app.formats.markdown.document import (
    CategoryRow,
    Document,
    DocumentSection,
    Odd,
    SectionKind,
    SummaryLine,
)
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.layout import Present, insert_sections, section_lines
from app.formats.markdown.sections import frame_line, paragraph_lines
from app.formats.markdown.source import Patch, Source, is_blank
from app.formats.markdown.words import CATEGORY_ORDER, LABELS, category_slug

_SUMMARY = re.compile(r"([ \t]*\*\*One-line summary:?\*\*:?[ \t]*)(.*)$", re.IGNORECASE)


def read_summary(source: Source, section: DocumentSection | None) -> SummaryLine | None:
    """The one-line summary."""
    for line in paragraph_lines(section):
        if match := _SUMMARY.match(source.lines[line]):
            return SummaryLine(line, match[1], read_line(match[2]))
    return None


def read_categories(source: Source, section: DocumentSection | None) -> tuple[CategoryRow, ...]:
    """The check-list below ``**Category:**``."""
    label = frame_line(source, section)
    for block in section.blocks if section and label is not None else ():
        if block.kind == "list" and block.span.start > (label or 0):
            tasks = (item for item in block.items if item.mark is not None)
            return tuple(CategoryRow(i.text, i.mark in ("x", "X"), i) for i in tasks)
    return ()


def summary_lines(facts: TicketFacts) -> list[str]:
    """The body of the section."""
    lines = [f"**One-line summary:** {protect(facts.summary)}", ""] if facts.summary else []
    return [*lines, *category_lines(facts.categories)]


def category_lines(categories: Sequence[str]) -> list[str]:
    """The check-list of categories."""
    own = [category for category in categories if category not in LABELS]
    rows = [(label, slug in categories) for slug, label in LABELS.items()]
    rows += [(protect(label), True) for label in own]
    return ["**Category:**", *(f"- [{'x' if on else ' '}] {label}" for label, on in rows)]


def edit_summary(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """The text of the one-line summary."""
    document = now.document
    if now.facts.summary == wanted.summary:
        return
    if document.summary is not None:
        line = document.summary.line
        text = f"{document.summary.label.rstrip()} {protect(wanted.summary or '')}".rstrip()
        yield Patch(line, line + 1, (text,))
        return
    text = f"**One-line summary:** {protect(wanted.summary or '')}"
    section = document.first(SectionKind.SUMMARY)
    if section is None:
        yield _new_summary(document, [text])
    else:
        yield Patch(section.begin, section.begin, ("", text))


def _new_summary(document: Document, lines: Sequence[str]) -> Patch:
    anchor = (document.location or document.metadata).section
    after = next((s for s in document.sections if s.line > anchor.line), None)
    return insert_sections(document, [section_lines("## Summary", lines)], after)


def edit_categories(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """Tick and untick; a row is added only where the check-list lacks it."""
    document = now.document
    ticked = set(wanted.categories)
    rows = document.categories
    known = [category_slug(row.label) or row.label for row in rows]
    for slug, row in zip(known, rows, strict=True):
        if row.checked != (slug in ticked):
            line = marked(document, row.item, slug in ticked)
            yield Patch(row.item.span.start, row.item.span.start + 1, (line,))
    missing = [slug for slug in wanted.categories if slug not in known]
    if missing and not rows:
        yield _new_categories(document, wanted.categories)
    elif missing:
        for slug in missing:
            at = _place_of(slug, known, rows)
            lead = rows[0].item.lead
            yield Patch(at, at, (f"{lead}[x] {LABELS.get(slug, protect(slug))}",))


def _place_of(slug: str, known: Sequence[str], rows: Sequence[CategoryRow]) -> int:
    order = CATEGORY_ORDER.get(slug, len(CATEGORY_ORDER))
    for other, row in zip(known, rows, strict=True):
        if CATEGORY_ORDER.get(other, len(CATEGORY_ORDER)) > order:
            return row.item.span.start
    return rows[-1].item.own.end


def _new_categories(document: Document, categories: Sequence[str]) -> Patch:
    section = document.first(SectionKind.SUMMARY)
    lines = category_lines(categories)
    if section is not None:
        at = max(section.body.end, section.begin)
        return Patch(at, at, ("", *lines))
    return _new_summary(document, lines)


def odd_summary(document: Document) -> Iterator[Odd]:
    """Text in the place of the summary that is not labelled as one."""
    if document.summary is not None:
        return
    for line in document.prose_lines(document.first(SectionKind.SUMMARY)):
        if not is_blank(document.read.lines[line]) and line not in document.taken:
            yield line, "no line begins with '**One-line summary:**'; the ticket has no summary"
            return
