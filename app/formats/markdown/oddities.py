"""What is odd about a document that can be read all the same.

The text itself is kept in the document, and mostly in a free section as well; here somebody is told
that it says nothing to the tracker, and how to write it so that it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from app.formats.markdown.blocks import may_be_heading
from app.formats.markdown.checklist import odd_tasks
from app.formats.markdown.comments import SECTION_MARK
from app.formats.markdown.document import Document, Odd, SectionKind
from app.formats.markdown.locations import odd_rows
from app.formats.markdown.metadata import odd_metadata
from app.formats.markdown.problems import FormatProblem
from app.formats.markdown.relations import odd_relations
from app.formats.markdown.reports import odd_reports
from app.formats.markdown.resolution import odd_commits
from app.formats.markdown.reviews import DEEP_HEADING, odd_reviews
from app.formats.markdown.sections import is_reserved, section_name
from app.formats.markdown.source import is_blank, is_row
from app.formats.markdown.summary import odd_summary

_NO_BLANK = re.compile(r" {0,3}#{1,6}(?P<text>[^#\s].*)$")
_BOLD = re.compile(r" {0,3}\*\*(?P<text>[^*]+)\*\*:?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(?:={3,}|-{3,})[ \t]*$")
_STEMS = {
    "locat": SectionKind.LOCATION,
    "summar": SectionKind.SUMMARY,
    "verif": SectionKind.VERIFICATION,
    "relat": SectionKind.RELATED,
    "append": SectionKind.APPENDIX,
    "resol": SectionKind.RESOLUTION,
    "cross": SectionKind.REVIEW,
}
_NAMES = {
    SectionKind.LOCATION: "Location",
    SectionKind.SUMMARY: "Summary",
    SectionKind.VERIFICATION: "Verification",
    SectionKind.RELATED: "Related Findings",
    SectionKind.APPENDIX: "Appendix",
    SectionKind.RESOLUTION: "Resolution",
    SectionKind.REVIEW: "Cross-Review",
}
_BEGINNINGS = frozenset("#*=- ")
_TABLED = (
    SectionKind.METADATA,
    SectionKind.LOCATION,
    SectionKind.RELATED,
    SectionKind.REVIEW,
)


def oddities(document: Document) -> list[FormatProblem]:
    """All warnings, in the order of their lines."""
    found = chain.from_iterable(odd(document) for odd in _ODD)
    return [FormatProblem(line + 1, reason) for line, reason in sorted(found)]


def _encoding(document: Document) -> Iterator[Odd]:
    if document.source.bom:
        yield 0, "begins with a byte order mark; it is kept"
    for i, end in enumerate(document.source.ends):
        if "\r" in end:
            name = "CRLF" if end == "\r\n" else "CR"
            yield i, f"lines end with {name}; they are kept so"
            return


def _structure(document: Document) -> Iterator[Odd]:
    blocks = document.outline.blocks
    if not document.title.kind:
        yield document.title.line, "the title names no kind, such as 'Finding Ticket: '"
    if not document.title.text:
        yield document.title.line, "the title is empty"
    for block in blocks:
        if block.kind == "heading" and block.level == 1 and block.span.start > document.title.line:
            yield block.span.start, "another level-1 heading; it is read as text"
    if document.outline.open_fence is not None:
        yield document.outline.open_fence, "this fence is never closed; the rest is read as code"
    begin = document.sections[0].line
    for block in blocks:
        if block.span.start < begin and block.kind not in ("heading", "rule"):
            yield block.span.start, "text before the first section; it is kept, but is in no field"
            break
    for section in document.sections:
        heading = document.source.lines[section.line].lstrip(" #\t").rstrip()
        marked = heading.endswith(SECTION_MARK)
        if section.kind is SectionKind.FREE and is_reserved(heading) and not marked:
            yield section.line, f"a second section '{heading}'; it is read as free text"


def _tables(document: Document) -> Iterator[Odd]:
    lines = document.read.lines
    for section in document.sections:
        if section.kind not in _TABLED:
            continue
        for block in section.blocks:
            span = range(block.span.start, block.span.end)
            if block.header is not None:
                loose = next((i for i in span if not is_row(lines[i])), None)
                if loose is not None:
                    yield loose, "the table has no end: an empty line is missing before this line"
                for row in block.rows:
                    if not row.closed:
                        yield row.line, "a table row without its closing pipe"
            elif block.rows and section.kind is not SectionKind.REVIEW:
                yield block.span.start, "a table without the row of dashes below its header"


def _headings(document: Document) -> Iterator[Odd]:
    """Headings that are none, and those that only resemble a known one."""
    lines, opaque = document.read.lines, document.outline.opaque
    has = {section.kind for section in document.sections}
    for section in document.of_kind(SectionKind.FREE):
        name = section_name(section.heading)
        kind = next((k for stem, k in _STEMS.items() if name.startswith(stem)), None)
        marked = SECTION_MARK in document.source.lines[section.line]
        if kind and kind not in has and not marked:
            yield (
                section.line,
                f"the section '{section.heading[:60]}' is read as free text; the part of a ticket "
                f"is called '## {_NAMES[kind]}'",
            )
    for i, line in enumerate(lines):
        if line[:1] not in _BEGINNINGS or line[:4].lstrip()[:1] not in _BEGINNINGS or i in opaque:
            continue
        if _UNDERLINE.match(line):
            yield from _underline(lines, i)
        elif (found := _NO_BLANK.match(line)) and is_reserved(found["text"]):
            yield i, "a heading needs a blank behind '#'; this line is read as text"
        elif (found := DEEP_HEADING.match(line) or _BOLD.match(line)) and _is_missing(
            found["text"], has
        ):
            yield (
                i,
                f"this line is read as text; the part of a ticket begins with '## {found['text']}'",
            )


def _is_missing(heading: str, has: Iterable[SectionKind]) -> bool:
    """True for the name of a part that the document has nowhere else."""
    name = section_name(heading)
    kinds = (kind for kind, known in _NAMES.items() if known.casefold() == name)
    return any(kind not in has for kind in kinds)


def _underline(lines: tuple[str, ...], i: int) -> Iterator[Odd]:
    above = lines[i - 1] if i else ""
    if is_blank(above) or not may_be_heading(above) or above.lstrip(" \t")[:1] in "#-*+>":
        return
    line = lines[i].strip()
    if line == "---":
        if is_reserved(above):
            yield i - 1, f"this line is read as text; a heading begins with '## {above.strip()}'"
    elif i > 1 and not is_blank(lines[i - 2]):
        yield i, "the text above this line has several lines; it is read as text, not as a heading"


_ODD = (
    _encoding,
    _structure,
    _headings,
    _tables,
    odd_metadata,
    odd_summary,
    odd_rows,
    odd_tasks,
    odd_relations,
    odd_reviews,
    odd_commits,
    odd_reports,
)
