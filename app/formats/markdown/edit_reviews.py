"""Edits of cross-reviews: a review is changed or added, never taken out.

A new one is written in the layout that the document's reviews have. Whether it can be read
back from there is tried; where it cannot, it gets a section of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.formats.markdown.cells import row_line
from app.formats.markdown.document import Document, Layout, Place, Review, SectionKind
from app.formats.markdown.facts import ReviewText, TicketFacts
from app.formats.markdown.layout import after_section, before_first, insert_sections
from app.formats.markdown.problems import FormatError
from app.formats.markdown.reader import read
from app.formats.markdown.source import Patch
from app.formats.markdown.stated import facts
from app.formats.markdown.write_reviews import (
    EVALUATION,
    cell_text,
    guard_own,
    guard_shared,
    labelled_lines,
    named_lines,
    own_fields,
    own_like,
    prose_lines,
    row_like,
    style_of,
    verdict_cell,
)


def says(stated: ReviewText, wanted: ReviewText) -> bool:
    """True when a document's review says what the tracker's does.

    A date that the document does not give is no difference: most layouts have no place for it.
    """
    same = (stated.specialist, stated.verdict, stated.rationale) == (
        wanted.specialist,
        wanted.verdict,
        wanted.rationale,
    )
    return same and (not stated.date or not wanted.date or stated.date == wanted.date)


def edit_reviews(document: Document, current: TicketFacts) -> list[Patch]:
    """The patches for the first review that the document does not state."""
    open_slots = list(zip(document.reviews, facts(document).reviews, strict=True))
    missing = []
    for wanted in current.reviews:
        slot = next((s for s in open_slots if says(s[1], wanted)), None)
        if slot:
            open_slots.remove(slot)
        else:
            missing.append(wanted)
    for wanted in missing:
        same = [r for r, text in open_slots if text.specialist == wanted.specialist]
        own = same[-1] if same else None
        ways = [_replaced(document, own, wanted)] if own else _added(document, wanted)
        for patches in ways:
            if _is_read_back(document, patches, wanted, len(document.reviews) + (own is None)):
                return patches
        return ways[-1]
    return []


def _is_read_back(
    document: Document, patches: Sequence[Patch], wanted: ReviewText, count: int
) -> bool:
    try:
        after = facts(read(document.source.replace(patches), document.source_path))
    except FormatError:
        return False
    before = facts(document)
    kept = before.sections == after.sections and before.resolution_text == after.resolution_text
    others = sum(any(says(r, old) for r in after.reviews) for old in before.reviews)
    enough = others >= len(before.reviews) - (count == len(before.reviews))
    twins = sum(says(review, wanted) for review in before.reviews)
    found = sum(says(review, wanted) for review in after.reviews) == twins + 1
    return kept and found and enough and len(after.reviews) == count


def _replaced(document: Document, review: Review, wanted: ReviewText) -> list[Patch]:
    """Change verdict, date and text where they stand."""
    lines: dict[int, str] = {}
    stated = facts(document).reviews[document.reviews.index(review)]
    patches: list[Patch] = []
    date = wanted.date.isoformat() if wanted.date else ""
    cells = []
    if stated.rationale != wanted.rationale:
        text, prose = _new_text(document, review, wanted)
        patches += prose
        if text is not None and review.text_cell:
            cells.append((review.text_cell, text))
    if date and stated.date != wanted.date:
        if review.date_cell:
            cells.append((review.date_cell, date))
        elif review.layout is Layout.FIELDS and review.table:
            at = review.table.span.end
            patches.insert(0, Patch(at, at, (row_line(["**Date**", date]),)))
    if stated.verdict != wanted.verdict:
        cells.append((review.verdict_cell, verdict_cell(wanted.verdict, style_of(review))))
    for cell, raw in sorted(cells, key=lambda pair: pair[0].start, reverse=True):
        present = lines.get(cell.line, document.source.lines[cell.line])
        lines[cell.line] = cell.put(present, raw)
    return [*patches, *(Patch(n, n + 1, (line,)) for n, line in lines.items())]


def _new_text(
    document: Document, review: Review, wanted: ReviewText
) -> tuple[str | None, list[Patch]]:
    """The new Evaluation cell, if it changes, and patches of the prose."""
    span = review.prose
    if review.text_cell is not None:
        old = [Patch(span.start, span.end, ())] if span else []
        return cell_text(wanted.rationale), old
    shared = review.place is Place.SHARED and len(document.reviews) > 1
    label = review.label
    if not label and review.layout is Layout.FIELDS:
        label = EVALUATION
    if not label and shared:
        new = labelled_lines(wanted)
    else:
        new = prose_lines(label, wanted.rationale, guard_shared if shared else guard_own)
    if span:
        return None, [Patch(span.start, span.end, tuple(new))]
    at = review.table.span.end if review.table else review.verdict_cell.line + 1
    return None, [Patch(at, at, ("", *new))]


def _added(document: Document, wanted: ReviewText) -> list[list[Patch]]:
    """Ways to add a review, the one most like the others first."""
    ways = list(_like_the_others(document, wanted))
    before = before_first(document, SectionKind.APPENDIX)
    if document.reviews:
        before = after_section(document, document.reviews[-1].section)
    return [*ways, [insert_sections(document, [own_fields(wanted)], before)]]


def _like_the_others(document: Document, wanted: ReviewText) -> Iterator[list[Patch]]:
    if not document.reviews:
        return
    model = document.reviews[-1]
    match model.place:
        case Place.NAMED:
            at = model.part.end
            yield [Patch(at, at, ("", *named_lines(document, model, wanted)))]
        case Place.SHARED if model.layout is Layout.COLUMNS:
            yield from _add_row(document, model, wanted)
        case Place.SHARED | Place.OWN:
            before = after_section(document, model.section)
            lines = own_like(document, model, wanted)
            yield [insert_sections(document, [lines], before)]


def _add_row(document: Document, model: Review, wanted: ReviewText) -> Iterator[list[Patch]]:
    group = [review for review in document.reviews if review.section is model.section]
    table = next((r.table for r in group if r.table and r.table.header), None)
    if table is None:
        return
    at = table.span.end
    row = Patch(at, at, (row_like(model, wanted),))
    if model.text_cell is not None:
        yield [row]
    elif all("Evaluation" in review.label for review in group):
        end = max(review.prose.end for review in group)
        yield [row, Patch(end, end, ("", *labelled_lines(wanted)))]
