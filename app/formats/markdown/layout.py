"""How parts of a document are put in, in the format's own manner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app.formats.markdown.blocks import heading_text
from app.formats.markdown.cells import Style, escape, row_line, wrap
from app.formats.markdown.document import (
    Document,
    DocumentSection,
    FieldTable,
    SectionKind,
    field_name,
)
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.source import Patch, is_blank, is_rule

CLOSING = (SectionKind.REVIEW, SectionKind.RESOLUTION, SectionKind.APPENDIX)
"""What stands behind all that describes the finding."""

RULE_ROW = ("|-------|-------|", "|-----------|--------------|-------|")


@dataclass(frozen=True, slots=True)
class Present:
    """A document that is edited, and what it states."""

    document: Document
    facts: TicketFacts
    after: Callable[[Sequence[Patch]], Present]
    """What it is with some patches, for an edit that tries whether they are read as meant."""


def closed(heading: str) -> str:
    """A heading, with closing hashes where its own last word would be taken for such."""
    return heading if heading_text(heading) == heading else f"{heading} #"


def section_lines(heading: str, body: Sequence[str]) -> list[str]:
    """A section with its heading line, without a separator."""
    return [heading, "", *body] if body else [heading]


def insert_sections(
    document: Document, sections: Sequence[Sequence[str]], before: DocumentSection | None
) -> Patch:
    """Put sections in front of another, or at the end."""
    if before is not None:
        lines = [line for section in sections for line in (*section, "", "---", "")]
        return Patch(before.line, before.line, tuple(lines))
    source = document.source
    end = len(source.lines)
    tail = source.lines[document.sections[-1].body.end if document.sections else 0 :]
    lines = []
    for number, section in enumerate(sections):
        if number or not any(is_rule(line) for line in tail):
            lines += ["", "---"]
        lines += ["", *section]
    if end and is_blank(source.lines[-1]):
        lines = lines[1:]
    return Patch(end, end, tuple(lines))


def remove_section(document: Document, section: DocumentSection) -> Patch:
    """Take a section out, with one of its separators."""
    if section.end < len(document.source.lines) or len(document.sections) == 1:
        return Patch(section.line, section.end, ())
    index = document.sections.index(section)
    start = document.sections[index - 1].body.end
    return Patch(start, section.end, ())


def after_section(document: Document, section: DocumentSection) -> DocumentSection | None:
    """The section that follows another."""
    index = document.sections.index(section) + 1
    return document.sections[index] if index < len(document.sections) else None


def before_first(document: Document, *kinds: SectionKind) -> DocumentSection | None:
    """The first section of any of the kinds."""
    return next((s for s in document.sections if s.kind in kinds), None)


def set_field(
    document: Document,
    table: FieldTable,
    key: str,
    raw: str,
    follows: Sequence[str],
) -> Patch:
    """Write the value cell of a key; a new row goes behind those of ``follows``."""
    cell = table.get(key)
    if cell is not None:
        line = cell.put(document.source.lines[cell.line], raw)
        return Patch(cell.line, cell.line + 1, (line,))
    known = [word.casefold() for word in follows]
    before = [f.cell.line for f in table.fields if field_name(f.key) in known]
    at = (max(before) if before else table.span.end - 1) + 1
    return Patch(at, at, (row_line([f"**{key}**", raw]),))


def remove_field(table: FieldTable, key: str) -> Iterator[Patch]:
    """Take the row of a key out."""
    cell = table.get(key)
    if cell is not None:
        yield Patch(cell.line, cell.line + 1, ())


def cell_of(value: str | None, style: Style) -> str:
    """A value as the raw text of a cell."""
    return escape(wrap(value or "", style))


def field_rows(rows: Sequence[tuple[str, str]]) -> list[str]:
    """A ``Field / Value`` table of raw cells."""
    body = [row_line([f"**{key}**", raw]) for key, raw in rows]
    return ["| Field | Value |", RULE_ROW[0], *body]
