"""Reading title, sections and ``Field / Value`` tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from app.formats.markdown.blocks import Block, ListItem, Outline
from app.formats.markdown.cells import strip_marks
from app.formats.markdown.comments import SECTION_MARK
from app.formats.markdown.document import (
    CategoryRow,
    Field,
    FieldTable,
    Section,
    SectionKind,
    SummaryLine,
    Title,
)
from app.formats.markdown.oneline import read_line
from app.formats.markdown.source import Source, Span, trim

TICKET_KINDS = ("finding ticket", "bug ticket", "fix")
_ONCE = {
    "ticket metadata": SectionKind.METADATA,
    "location": SectionKind.LOCATION,
    "summary": SectionKind.SUMMARY,
    "verification": SectionKind.VERIFICATION,
    "related findings": SectionKind.RELATED,
    "appendix": SectionKind.APPENDIX,
}
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,3})*[.)][ \t]+")
_REVIEW = re.compile(r"cross[-\s]?review")
_SUMMARY = re.compile(r"([ \t]*\*\*One-line summary:?\*\*:?[ \t]*)(.*)$", re.IGNORECASE)
_MORE = re.compile(r"[ \t]*\*\*Additional locations\b[^*]*\*\*", re.IGNORECASE)
_FRAME = re.compile(
    r"[ \t]*\*\*Categor(?:y|ies):?\*\*|[ \t]*\*\*Additional locations\b[^*]*\*\*[ \t]*$|"
    r"[ \t]*###[ \t]+(?:How to Verify the Fix|Original Report Reference)[ \t]*$",
    re.IGNORECASE,
)


def read_title(blocks: Sequence[Block]) -> Title | None:
    """The first level-1 heading, split at its first colon."""
    for block in blocks:
        if block.kind == "heading" and block.level == 1:
            kind, colon, text = block.text.partition(":")
            if not colon:
                kind, text = "", block.text
            return Title(kind.strip(), text.strip(), block.span)
    return None


def is_reserved(heading: str) -> bool:
    """True for a heading that stands for a part of the ticket, not for free text."""
    name = section_name(heading)
    return name in _ONCE or name.startswith("resolution") or bool(_REVIEW.match(name))


def section_name(heading: str) -> str:
    """The heading in lower case, without a number in front, a colon behind and marks around it."""
    return _NUMBER.sub("", strip_marks(heading)).rstrip(" :").casefold()


def read_sections(source: Source, outline: Outline) -> tuple[Section, ...]:
    """All level-2 sections in order; the text of a free one keeps its comments."""
    blocks = outline.blocks
    starts = [i for i, b in enumerate(blocks) if b.kind == "heading" and b.level == 2]
    headings = [blocks[i].text for i in starts]
    fix_note = not any(section_name(h) == "ticket metadata" for h in headings)
    seen: set[SectionKind] = set()
    sections = []
    for number, index in enumerate(starts):
        last = number + 1 == len(starts)
        after = len(blocks) if last else starts[number + 1]
        line, begin = blocks[index].span.start, blocks[index].span.end
        end = len(source.lines) if last else blocks[after].span.start
        kind = _kind(headings[number], fix_note, seen)
        seen.add(kind)
        lines = source.written if kind is SectionKind.FREE else source.lines
        body = trim(lines, Span(begin, end), rules=True)
        inside = tuple(b for b in blocks[index + 1 : after] if b.span.start < body.end)
        heading = headings[number].removesuffix(SECTION_MARK).rstrip()
        sections.append(Section(heading, kind, line, begin, body, end, inside))
    return tuple(sections)


def _kind(heading: str, fix_note: bool, seen: set[SectionKind]) -> SectionKind:
    if heading.endswith(SECTION_MARK):
        return SectionKind.FREE
    name = section_name(heading)
    if _REVIEW.match(name):
        return SectionKind.REVIEW
    if name.startswith("resolution"):
        summary = fix_note and name == "resolution summary"
        kind = SectionKind.METADATA if summary else SectionKind.RESOLUTION
    else:
        kind = _ONCE.get(name, SectionKind.FREE)
    return SectionKind.FREE if kind in seen else kind


def read_field_table(section: Section) -> FieldTable | None:
    """The first two-column table of a section, also one without a rule row."""
    for block in section.blocks:
        if not block.rows and block.header is None:
            continue
        fields = tuple(
            Field(strip_marks(row.cells[0].text).rstrip(" :"), row.cells[1])
            for row in block.rows
            if len(row.cells) > 1 and strip_marks(row.cells[0].text).casefold() != "field"
        )
        return FieldTable(section, block.span, fields)
    return None


def read_more_locations(source: Source, section: Section | None) -> tuple[ListItem, ...]:
    """The bullets below ``**Additional locations:**``."""
    blocks = section.blocks if section else ()
    for block, following in pairwise(blocks):
        first = source.lines[block.span.start]
        if block.kind == "paragraph" and _MORE.match(first) and following.kind == "list":
            return tuple(item for item in following.items if item.depth == 0)
    return ()


def read_summary(source: Source, section: Section | None) -> SummaryLine | None:
    """The one-line summary."""
    for line in _paragraph_lines(section):
        if match := _SUMMARY.match(source.lines[line]):
            return SummaryLine(line, match[1], read_line(match[2]))
    return None


def read_categories(source: Source, section: Section | None) -> tuple[CategoryRow, ...]:
    """The check-list below ``**Category:**``."""
    label = frame_line(source, section)
    for block in section.blocks if section and label is not None else ():
        if block.kind == "list" and block.span.start > (label or 0):
            tasks = (item for item in block.items if item.mark is not None)
            return tuple(CategoryRow(i.text, i.mark in ("x", "X"), i) for i in tasks)
    return ()


def read_checklist(section: Section | None) -> tuple[ListItem, ...]:
    """Every task item of the section."""
    lists = (block for block in section.blocks if block.kind == "list") if section else ()
    return tuple(item for block in lists for item in block.items if item.mark is not None)


def frame_line(source: Source, section: Section | None) -> int | None:
    """The line that only introduces values: a label or heading of the template."""
    for line in _paragraph_lines(section):
        if _FRAME.match(source.lines[line]):
            return line
    return None


def _paragraph_lines(section: Section | None) -> Iterator[int]:
    for block in section.blocks if section else ():
        if block.kind in ("paragraph", "heading"):
            yield from range(block.span.start, block.span.end)
