"""References to the reports that a finding comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from app.domain.tickets import ReportReference
from app.formats.markdown.blocks import ListItem
from app.formats.markdown.cells import code_spans, unwrap, wrap
from app.formats.markdown.comments import protect, read_line
from app.formats.markdown.document import (
    Document,
    DocumentSection,
    Odd,
    ReportEntry,
    SectionKind,
)
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.layout import Present, insert_sections, section_lines
from app.formats.markdown.source import Patch, Source, Span

_REPORT = re.compile(r"[ \t]*\*\*Report file:?\*\*:?(.*)$", re.IGNORECASE)
REPORTS_LABEL = re.compile(r"[ \t]*\*\*Report files:?\*\*:?[ \t]*$", re.IGNORECASE)
_SECTION = re.compile(r"[ \t]*\*\*Section:?\*\*:?(.*)$", re.IGNORECASE)
_BULLET_SECTION = re.compile(r"[-–—,(]?[ \t]*Section:?(.*)$", re.IGNORECASE)
_ANY_REPORT = re.compile(r"[ \t>*_|`#+-]*(?:original )?report files?\b", re.IGNORECASE)
REPORT_HEADING = "### Original Report Reference"


def read_reports(source: Source, section: DocumentSection) -> tuple[ReportEntry, ...]:
    """The report references of the appendix, one label each or a list of bullets."""
    found: list[ReportEntry] = []
    in_list = False
    for block in section.blocks:
        first = source.lines[block.span.start]
        if block.kind == "paragraph":
            in_list = bool(REPORTS_LABEL.match(source.lines[block.span.end - 1]))
            if not in_list and _REPORT.match(first):
                found += _report_lines(source, block.span)
        elif block.kind == "list" and in_list:
            found += (_report_bullet(item) for item in block.items if item.depth == 0)
            in_list = False
    return tuple(found)


def _report_lines(source: Source, span: Span) -> Iterator[ReportEntry]:
    line = span.start
    while line < span.end:
        match = _REPORT.match(source.lines[line])
        line += 1
        if not match:
            continue
        file, extra = _file_and_rest(match[1].strip())
        file = read_line(file)
        below = _SECTION.match(source.lines[line]) if line < span.end else None
        stop = line + 1 if below else line
        section = read_line(below[1]) if below else read_line(extra)
        yield ReportEntry(file, section or None, Span(stop - (2 if below else 1), stop), False)
        line = stop


def _report_bullet(item: ListItem) -> ReportEntry:
    file, rest = _file_and_rest(item.text)
    match = _BULLET_SECTION.match(rest)
    return ReportEntry(file, (match[1].strip() if match else rest) or None, item.span, True)


def _file_and_rest(text: str) -> tuple[str, str]:
    spans = code_spans(text)
    if not spans or spans[0][0] != 0:
        return text, ""
    return unwrap(text[: spans[0][1]])[0], text[spans[0][1] :].strip()


def reports_lines(reports: Sequence[ReportReference]) -> list[str]:
    """All references below their heading."""
    lines = [REPORT_HEADING]
    for report in reports:
        lines += ["", *report_lines(report)]
    return lines


def report_lines(report: ReportReference) -> list[str]:
    """A report reference as two lines."""
    lines = [f"**Report file:** {protect(wrap(report.file, 'code'))}"]
    return [*lines, f"**Section:** {protect(report.section)}"] if report.section else lines


def edit_reports(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """Report references, each on its own lines."""
    document = now.document
    old, new = now.facts.reports, wanted.reports
    if old == new:
        return
    entries = document.reports
    if not entries:
        yield _new_reports(document, new)
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        near = entries[min(i1, len(entries) - 1)]
        start = entries[i1].span.start if i1 < len(entries) else near.span.end
        end = entries[i2 - 1].span.end if i2 > i1 else start
        behind = i1 == len(entries)
        yield Patch(start, end, tuple(_lines_like(near, new[j1:j2], behind, replacing=i2 > i1)))


def _lines_like(
    near: ReportEntry, reports: Sequence[ReportReference], behind: bool, *, replacing: bool
) -> Iterator[str]:
    for number, report in enumerate(reports):
        if near.bullet:
            section = f" Section: {report.section}" if report.section else ""
            yield protect(f"- {wrap(report.file, 'code')}{section}")
            continue
        if behind or (replacing and number):
            yield ""
        yield from report_lines(report)
        if not behind and not replacing:
            yield ""


def _new_reports(document: Document, reports: Sequence[ReportReference]) -> Patch:
    lines = reports_lines(reports)
    section = document.first(SectionKind.APPENDIX)
    if section is None:
        return insert_sections(document, [section_lines("## Appendix", lines)], None)
    return Patch(section.begin, section.begin, ("", *lines))


def odd_reports(document: Document) -> Iterator[Odd]:
    """Reports that are named otherwise than as they are read."""
    section = document.first(SectionKind.APPENDIX)
    read = {line for r in document.reports for line in range(r.span.start, r.span.end)}
    for line in document.prose_lines(section):
        text = document.read.lines[line]
        if line not in read and line not in document.taken and _ANY_REPORT.match(text):
            yield line, "this report is not read; it is written '**Report file:** `path`'"
