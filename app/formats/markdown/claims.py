"""Which lines state a value of their own, so that what is left of a section is free text."""

from __future__ import annotations

from collections.abc import Iterator

from app.formats.markdown.document import Document, Place, SectionKind
from app.formats.markdown.read_fields import frame_line
from app.formats.markdown.read_links import REPORTS_LABEL
from app.formats.markdown.source import Span

_FRAMED = (
    SectionKind.LOCATION,
    SectionKind.SUMMARY,
    SectionKind.VERIFICATION,
    SectionKind.APPENDIX,
)


def taken_lines(document: Document) -> Iterator[int]:
    """Every line that is read as a value, or frames values."""
    for span in dict.fromkeys(_spans(document)):
        yield from range(span.start, span.end)
    for kind in _FRAMED:
        line = frame_line(document.read, document.first(kind))
        if line is not None:
            yield line
    for block in document.commit_blocks:
        yield from block.taken


def _spans(document: Document) -> Iterator[Span]:
    yield document.metadata.span
    if document.location:
        yield document.location.span
    if document.summary:
        yield Span(document.summary.line, document.summary.line + 1)
    yield from (item.span for item in document.more_locations)
    yield from (row.item.own for row in document.categories)
    yield from (item.own for item in document.checklist)
    yield from _related(document)
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


def _related(document: Document) -> Iterator[Span]:
    related = document.related
    if related is None:
        return
    yield from (entry.span for entry in related.entries)
    if related.table:
        yield related.table.span
    if related.none_line is not None:
        yield Span(related.none_line, related.none_line + 1)
