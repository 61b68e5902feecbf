"""Sections: how a document falls into them, and the free ones among them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from app.domain.tickets import Section
from app.formats.markdown.blocks import Outline
from app.formats.markdown.cells import strip_marks
from app.formats.markdown.comments import SECTION_MARK, protect
from app.formats.markdown.document import Document, DocumentSection, SectionKind
from app.formats.markdown.escape import decode, encode
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.layout import (
    Present,
    after_section,
    closed,
    insert_sections,
    remove_section,
    section_lines,
)
from app.formats.markdown.source import Patch, Source, Span, trim

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
_FRAME = re.compile(
    r"[ \t]*\*\*Categor(?:y|ies):?\*\*|[ \t]*\*\*Additional locations\b[^*]*\*\*[ \t]*$|"
    r"[ \t]*###[ \t]+(?:How to Verify the Fix|Original Report Reference)[ \t]*$",
    re.IGNORECASE,
)


def read_sections(source: Source, outline: Outline) -> tuple[DocumentSection, ...]:
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
        sections.append(DocumentSection(heading, kind, line, begin, body, end, inside))
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


def is_reserved(heading: str) -> bool:
    """True for a heading that stands for a part of the ticket, not for free text."""
    name = section_name(heading)
    return name in _ONCE or name.startswith("resolution") or bool(_REVIEW.match(name))


def section_name(heading: str) -> str:
    """The heading in lower case, without a number in front, a colon behind and marks around it."""
    return _NUMBER.sub("", strip_marks(heading)).rstrip(" :").casefold()


def frame_line(source: Source, section: DocumentSection | None) -> int | None:
    """The line that only introduces values: a label or heading of the template."""
    for line in paragraph_lines(section):
        if _FRAME.match(source.lines[line]):
            return line
    return None


def paragraph_lines(section: DocumentSection | None) -> Iterator[int]:
    """The lines of a section's paragraphs and headings."""
    for block in section.blocks if section else ():
        if block.kind in ("paragraph", "heading"):
            yield from range(block.span.start, block.span.end)


def free_sections(document: Document) -> Iterator[tuple[DocumentSection, Section]]:
    """Free sections, and what is left in the others, in the order of the document."""
    for section in document.sections:
        if section is document.resolution:
            continue
        if section.kind is SectionKind.FREE:
            text = document.source.slice(section.body)
        else:
            text = rest_of(document, section)
        if not text and (section.kind is not SectionKind.FREE or is_reserved(section.heading)):
            continue
        yield section, Section(section.heading, decode(text))


def rest_of(document: Document, section: DocumentSection) -> str:
    """What a section holds besides the values read from it."""
    lines = document.free_lines(section.body)
    return "\n".join(document.source.lines[i] for i in lines)


def heading_line(heading: str) -> str:
    """The line of a free section; one that would be read as a known part is marked."""
    written = protect(heading)
    if is_reserved(heading) or heading.endswith(SECTION_MARK):
        return f"## {written} {SECTION_MARK}"
    return f"## {closed(written)}".rstrip()


def free_section_lines(text: Section) -> list[str]:
    """A free section as lines."""
    return section_lines(heading_line(text.heading), _encoded(text.body))


def _encoded(body: str) -> list[str]:
    return encode(body).split("\n") if body else []


def edit_sections(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """Change bodies and headings, add and remove sections."""
    document = now.document
    stated = list(free_sections(document))
    old = [text.heading for _, text in stated]
    new = [text.heading for text in wanted.sections]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            for (section, text), other in zip(stated[i1:i2], wanted.sections[j1:j2], strict=True):
                if text.body != other.body:
                    yield from _edit_body(now, section, other.body)
            continue
        olds, news = stated[i1:i2], list(wanted.sections[j1:j2])
        while olds and news and _is_rename(olds[0], news[0]):
            section, other = olds.pop(0)[0], news.pop(0)
            yield Patch(section.line, section.begin, (heading_line(other.heading),))
        for section, _ in olds:
            yield _remove(document, section)
        if news:
            before = _next_section(document, [section for section, _ in stated], i2 - len(olds))
            yield insert_sections(document, [free_section_lines(text) for text in news], before)


def _is_rename(old: tuple[DocumentSection, Section], new: Section) -> bool:
    section, text = old
    return section.kind is SectionKind.FREE and text.body == new.body and bool(text.body)


def _next_section(
    document: Document, stated: Sequence[DocumentSection], index: int
) -> DocumentSection | None:
    """The section that new ones at ``index`` go in front of."""
    if index > 0:
        return after_section(document, stated[index - 1])
    if stated:
        return stated[0]
    known = document.first(SectionKind.SUMMARY) or (document.location or document.metadata).section
    return after_section(document, known)


def _remove(document: Document, section: DocumentSection) -> Patch:
    if section.kind is SectionKind.FREE:
        return remove_section(document, section)
    lines = document.free_lines(section.body)
    return Patch(lines[0], lines[-1] + 1, tuple(_kept(document, lines)))


def _kept(document: Document, free: Sequence[int]) -> Iterator[str]:
    for line in range(free[0], free[-1] + 1):
        if line not in free:
            yield document.source.lines[line]


def _edit_body(now: Present, section: DocumentSection, body: str) -> Iterator[Patch]:
    document, new = now.document, _encoded(body)
    if section.kind is SectionKind.FREE:
        yield replace_lines(section, section.body, new)
    else:
        ways = (list(edit_rest(document, section, new)), _rest_at_end(document, section, new))
        yield from next((way for way in ways if _states(now, way, section, body)), ways[0])


def _states(now: Present, patches: list[Patch], section: DocumentSection, body: str) -> bool:
    """True when a section says `body` after an edit, and the ticket's values are the same."""
    after = now.after(patches)
    sections = after.document.sections
    if len(sections) != len(now.document.sections):
        return False
    bodies = {id(part): text.body for part, text in free_sections(after.document)}
    same = replace(after.facts, sections=()) == replace(now.facts, sections=())
    return same and bodies.get(id(sections[now.document.sections.index(section)])) == body


def _rest_at_end(document: Document, section: DocumentSection, new: Sequence[str]) -> list[Patch]:
    """All that is no value, behind the values."""
    gone = [Patch(line, line + 1, ()) for line in document.free_lines(section.body)]
    end = max(section.body.end, section.begin)
    return [*gone, Patch(end, end, ("", *new))]


def replace_lines(section: DocumentSection, span: Span, new: Sequence[str]) -> Patch:
    """Put lines in the place of a section's body, or of a part of it."""
    if not span:
        return Patch(section.begin, section.begin, ("", *new))
    start = span.start if new else section.begin
    return Patch(start, span.end, tuple(new))


def edit_rest(document: Document, section: DocumentSection, new: Sequence[str]) -> Iterator[Patch]:
    """Change what a section holds besides its values, line by line."""
    free = document.free_lines(section.body)
    old = [document.source.lines[i] for i in free]
    if not free:
        yield Patch(section.begin, section.begin, ("", *new))
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if i1 == i2:
            at = free[i1 - 1] + 1 if i1 else free[0]
            yield Patch(at, at, tuple(new[j1:j2]))
            continue
        run = free[i1:i2]
        yield Patch(run[0], run[0] + 1, tuple(new[j1:j2]))
        yield from (Patch(line, line + 1, ()) for line in run[1:])
