"""What looks like a fact and was not read as one, so that nothing recognisable is lost silently.

The text itself is kept in the document, and mostly in a free section as well; here somebody is told
that it says nothing to the tracker, and how to write it so that it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from app.formats.markdown.blocks import may_be_heading
from app.formats.markdown.cells import is_row, is_rule_row, strip_marks
from app.formats.markdown.comments import SECTION_MARK
from app.formats.markdown.document import Document, Section, SectionKind, field_name
from app.formats.markdown.read_fields import is_reserved, section_name
from app.formats.markdown.read_links import TICKET_NAME, commit_hashes
from app.formats.markdown.source import is_blank
from app.formats.markdown.words import VERDICTS, is_known_reviewer

Odd = tuple[int, str]
"""A line from 0, and what is odd about it."""

_NO_BLANK = re.compile(r" {0,3}#{1,6}(?P<text>[^#\s].*)$")
_DEEP = re.compile(r" {0,3}#{3,6}[ \t]+(?P<text>.*)$")
_BOLD = re.compile(r" {0,3}\*\*(?P<text>[^*]+)\*\*:?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(?:={3,}|-{3,})[ \t]*$")
_MARK = re.compile(
    r"[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[^\]\w]{0,3}[xXvV]?\]|[☐☑☒✅✔✓❌✗])(?![(\[])"
)
_REPORT = re.compile(r"[ \t>*_|`#+-]*(?:original )?report files?\b", re.IGNORECASE)
_COMMIT = re.compile(r"(?<![^\W_])commits?(?![^\W_])|/commit/", re.IGNORECASE)
_COMMIT_ADDRESS = re.compile(r"/commit/(?P<hash>[0-9a-fA-F]{7,40})\b")
_VERDICT = re.compile(r"[ \t>|*_`#-]*verdict\b", re.IGNORECASE)
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
_LOCATION_FIELDS = ("file(s)", "line(s)", "function/class", "note")


def unread(document: Document) -> Iterator[Odd]:
    """All of it, in no order."""
    yield from _headings(document)
    yield from _summary(document)
    yield from _rows(document)
    yield from _tasks(document)
    yield from _related(document)
    yield from _reviews(document)
    yield from _commits(document)
    yield from _reports(document)


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
        elif (found := _DEEP.match(line) or _BOLD.match(line)) and _is_missing(found["text"], has):
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


def _summary(document: Document) -> Iterator[Odd]:
    section = document.first(SectionKind.SUMMARY)
    if section is None or document.summary is not None:
        return
    for line in range(section.body.start, section.body.end):
        text = document.read.lines[line]
        if (
            not is_blank(text)
            and line not in document.taken
            and line not in document.outline.opaque
        ):
            yield line, "no line begins with '**One-line summary:**'; the ticket has no summary"
            return


def _rows(document: Document) -> Iterator[Odd]:
    """Rows of tables behind the first one, and of fields that no ticket has."""
    for table in (document.metadata, document.location):
        if table is None:
            continue
        later = [b for b in table.section.blocks if b.rows and b.span.start >= table.span.end]
        yield from (
            (b.span.start, "a further table; the ticket's fields are read from the first one")
            for b in later
        )
    for entry in document.location.fields if document.location else ():
        if field_name(entry.key) not in _LOCATION_FIELDS:
            yield entry.cell.line, f"the row '{entry.key[:40]}' is no part of a location"


def _tasks(document: Document) -> Iterator[Odd]:
    """Items with a box that is none of Markdown's, or that stand where no list is read."""
    read = {item.own.start for item in document.checklist}
    read |= {row.item.own.start for row in document.categories}
    for kind in (SectionKind.VERIFICATION, SectionKind.SUMMARY):
        section = document.first(kind)
        for line in _lines(document, section):
            if line not in read and _MARK.match(document.read.lines[line]):
                what = "category" if kind is SectionKind.SUMMARY else "item of the check-list"
                yield line, f"this is not read as a {what}; one is written '- [ ] ' or '- [x] '"


def _related(document: Document) -> Iterator[Odd]:
    section = document.related.section if document.related else None
    read = {
        line
        for entry in (document.related.entries if document.related else ())
        for line in range(entry.span.start, entry.span.end)
    }
    for line in _lines(document, section):
        found = TICKET_NAME.search(document.read.lines[line]) if line not in read else None
        if found:
            yield (
                line,
                f"{found.group()[:60]!r} is not read as a relation; one is a bullet or a row that "
                "begins with ids",
            )


def _reviews(document: Document) -> Iterator[Odd]:
    """Verdicts and reviewers in sections of reviews that no review was made of."""
    read = {review.verdict_cell.line for review in document.reviews}
    for section in document.of_kind(SectionKind.REVIEW):
        reviews = [review for review in document.reviews if review.section is section]
        if not reviews:
            continue  # said of the section as a whole
        headers = {
            line
            for r in reviews
            if r.table
            for line in (r.table.span.start, r.table.span.start + 1)
        }
        named = {review.part.start for review in reviews}
        for line in _lines(document, section):
            text = document.read.lines[line]
            if line in read or line in headers or is_rule_row(text):
                continue
            cells = map(strip_marks, text.split("|")) if is_row(text) else ()
            heading = _DEEP.match(text)
            if _VERDICT.match(text) or any(cell.upper() in VERDICTS for cell in cells):
                yield line, "this verdict is not read as a review of its own"
            elif heading and line not in named and _names_reviewer(heading["text"]):
                yield line, "no verdict is read below this reviewer's name"


def _names_reviewer(heading: str) -> bool:
    return is_known_reviewer(heading) and "evaluation" not in heading.casefold()


def _commits(document: Document) -> Iterator[Odd]:
    known = {entry.hash.casefold() for entry in document.commits}
    for kind in (SectionKind.RESOLUTION, SectionKind.FREE):
        for section in document.of_kind(kind):
            if not _COMMIT.search(document.read.slice(section.body)):
                continue
            for line in _lines(document, section):
                text = document.read.lines[line]
                if not _COMMIT.search(text):
                    continue
                found = [*commit_hashes(text), *(m["hash"] for m in _COMMIT_ADDRESS.finditer(text))]
                other = next((h for h in found if not _is_known(h.casefold(), known)), None)
                if other:
                    yield (
                        line,
                        f"{other} is not read as a commit that fixes this; that is a line "
                        "'**Commits:** ' with it",
                    )


def _is_known(commit: str, known: Iterable[str]) -> bool:
    return any(commit.startswith(other) or other.startswith(commit) for other in known)


def _reports(document: Document) -> Iterator[Odd]:
    section = document.first(SectionKind.APPENDIX)
    read = {line for r in document.reports for line in range(r.span.start, r.span.end)}
    for line in _lines(document, section):
        text = document.read.lines[line]
        if line not in read and line not in document.taken and _REPORT.match(text):
            yield line, "this report is not read; it is written '**Report file:** `path`'"


def _lines(document: Document, section: Section | None) -> Iterator[int]:
    """The lines of a section that are no code."""
    if section is not None:
        opaque = document.outline.opaque
        yield from (i for i in range(section.body.start, section.body.end) if i not in opaque)
