"""Edits of cross-reviews: a review is changed or added, never taken out.

A new one is written in the layout that the document's reviews have. Whether it can be read
back from there is tried; where it cannot, it gets a section of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.formats.markdown.blocks import Outline, scan
from app.formats.markdown.cells import Style, escape, row_line, wrap
from app.formats.markdown.document import Document, Layout, Place, Review, SectionKind
from app.formats.markdown.escape import Guard, encode
from app.formats.markdown.facts import ReviewText, TicketFacts
from app.formats.markdown.layout import (
    Present,
    after_section,
    before_first,
    field_rows,
    insert_sections,
)
from app.formats.markdown.problems import FormatError
from app.formats.markdown.reviews import LABEL, heading_name
from app.formats.markdown.source import Patch
from app.formats.markdown.words import reviewer_role

EVALUATION = "**Evaluation:** "
_LONG = {
    "drl": "DRL Specialist",
    "pytorch": "PyTorch Specialist",
    "codereview": "Code Review Specialist",
    "human": "Human Reviewer",
}
_SHORT = {"drl": "DRL", "pytorch": "PyTorch", "codereview": "CodeReview"}


def reviewer_name(slug: str, like: str | None = None) -> str:
    """The name of a specialist, spelled as the names beside it are."""
    if like and like == like.lower():
        return f"{slug}-specialist" if like.endswith("-specialist") else slug
    if like in _SHORT.values() and slug in _SHORT:
        return _SHORT[slug]
    return _LONG.get(slug) or f"{slug.replace('-', ' ').title()} Specialist"


def short_name(slug: str) -> str:
    """The name in the label of a paragraph."""
    return _SHORT[slug] if slug in ("drl", "pytorch") else reviewer_name(slug).rsplit(" ", 1)[0]


def guard_own(lines: list[str], outline: Outline) -> set[int]:
    """A first line that would be read as the label of the prose."""
    first = lines[0] if lines else ""
    heading = first.lstrip().casefold().startswith("### evaluation")
    return {0} if LABEL.match(first) or heading else set()


def guard_shared(lines: list[str], outline: Outline) -> set[int]:
    """Whatever would open another review among paragraphs of several."""
    found = guard_own(lines, outline)
    for block in outline.blocks:
        span = range(block.span.start, block.span.end)
        if block.kind == "heading":
            found.add(block.span.start)
        elif block.rows or block.header is not None:
            found.update(span)
        elif block.kind == "paragraph" and lines[span.start].lstrip().startswith("**"):
            found.add(span.start)
    return found


def prose_lines(label: str, text: str, guard: Guard = guard_own) -> list[str]:
    """Prose behind its label: on the label's line where the text begins as a paragraph."""
    if not text:
        return []
    lines = encode(text, guard).split("\n")
    if not label:
        return lines
    if label.startswith("#"):
        return [label, "", *lines]
    blocks = scan(lines).blocks
    inline = bool(blocks) and blocks[0].kind == "paragraph" and blocks[0].span.start == 0
    if inline and not lines[0].lstrip().startswith("|"):
        return [f"{label.rstrip()} {lines[0]}", *lines[1:]]
    return [label.rstrip(), "", *lines]


def cell_text(text: str) -> str:
    """Prose as one cell."""
    return escape(text.replace("<br>", "\\<br>").replace("\n", "<br>"))


def style_of(review: Review) -> Style:
    """How a review decorates its verdict."""
    raw = review.verdict_cell.raw
    return "code" if "`" in raw else "bold" if "**" in raw else "plain"


def own_fields(review: ReviewText, heading: str | None = None) -> list[str]:
    """A review in a section of its own: a field table, then prose."""
    name = reviewer_name(review.specialist)
    rows = [("Verdict", f"`{review.verdict}`"), ("Reviewer", escape(name))]
    rows += _specialist_row(review)
    if review.date:
        rows.append(("Date", review.date.isoformat()))
    prose = prose_lines(EVALUATION, review.rationale)
    tail = ["", *prose] if prose else []
    return [heading or f"## Cross-Review ({name})", "", *field_rows(rows), *tail]


def _specialist_row(review: ReviewText) -> list[tuple[str, str]]:
    """The slug itself, where the name that stands for it would be read as another one."""
    if reviewer_role(reviewer_name(review.specialist)) == review.specialist:
        return []
    return [("Specialist", escape(wrap(review.specialist, "code")))]


def own_like(document: Document, model: Review, review: ReviewText) -> list[str]:
    """A review in a section of its own, laid out as another one."""
    like = heading_name(model.section.heading)
    name = reviewer_name(review.specialist, like)
    colon = ":" in model.section.heading and "(" not in model.section.heading
    heading = f"## Cross-Review: {name}" if colon else f"## Cross-Review ({name})"
    return [heading, "", *body_like(document, model, review)]


def body_like(document: Document, model: Review, review: ReviewText) -> list[str]:
    """The body of a review, laid out as another one's."""
    verdict = wrap(review.verdict, style_of(model))
    label = model.label
    match model.layout:
        case Layout.LINE:
            head = [f"**Verdict:** {verdict}"]
        case Layout.FIELDS:
            head = field_rows(_fields_like(model, review, verdict))
            label = label or EVALUATION
        case Layout.HEADER:
            head = [row_line(["Verdict", verdict]), _line(document, model, 1)]
        case Layout.COLUMNS:
            head = [_line(document, model, 0), _line(document, model, 1), row_like(model, review)]
    if model.text_cell is not None:
        if model.layout is not Layout.COLUMNS:
            head.append(row_line(["**Evaluation**", cell_text(review.rationale)]))
        return head
    prose = prose_lines(label, review.rationale)
    return [*head, "", *prose] if prose else head


def _line(document: Document, model: Review, offset: int) -> str:
    assert model.table is not None
    return document.source.lines[model.table.span.start + offset]


def _fields_like(model: Review, review: ReviewText, verdict: str) -> list[tuple[str, str]]:
    name = _cell_name(model, review)
    rows = [("Verdict", verdict), ("Reviewer", name)]
    cell = model.reviewer_cell
    if cell is None:
        del rows[1]
    elif cell.line < model.verdict_cell.line:
        rows.reverse()
    rows += _specialist_row(review)
    if review.date:
        rows.append(("Date", review.date.isoformat()))
    return rows


def _cell_name(model: Review, review: ReviewText) -> str:
    name = reviewer_name(review.specialist, model.reviewer_raw)
    return wrap(name, model.reviewer_cell.style if model.reviewer_cell else "plain")


def row_like(model: Review, review: ReviewText) -> str:
    """A table row for a review, with the columns of another one's table."""
    name = _cell_name(model, review)
    values = {
        "verdict": wrap(review.verdict, style_of(model)),
        "reviewer": name,
        "agent": name,
        "evaluation": cell_text(review.rationale),
        "date": review.date.isoformat() if review.date else "",
    }
    return row_line([values.get(column, "") for column in model.columns])


def labelled_lines(review: ReviewText) -> list[str]:
    """A paragraph with the reviewer's name in its label."""
    label = f"**{short_name(review.specialist)} Evaluation:** "
    return prose_lines(label, review.rationale, guard_shared)


def named_lines(document: Document, model: Review, review: ReviewText) -> Sequence[str]:
    """A sub-section headed by the reviewer's name."""
    like = document.source.lines[model.part.start].lstrip("# ")
    return [
        f"### {reviewer_name(review.specialist, like)}",
        "",
        *body_like(document, model, review),
    ]


def edit_reviews(now: Present, wanted: TicketFacts) -> list[Patch]:
    """The patches for the first review that the document does not state."""
    document = now.document
    open_slots = list(zip(document.reviews, now.facts.reviews, strict=True))
    missing = []
    for review in wanted.reviews:
        slot = next((s for s in open_slots if s[1].says_the_same(review)), None)
        if slot:
            open_slots.remove(slot)
        else:
            missing.append(review)
    for review in missing:
        same = [slot for slot in open_slots if slot[1].specialist == review.specialist]
        ways = [_replaced(document, *same[-1], review)] if same else _added(document, review)
        for patches in ways:
            if _is_read_back(now, patches, review, len(document.reviews) + (not same)):
                return patches
        return ways[-1]
    return []


def _is_read_back(now: Present, patches: Sequence[Patch], wanted: ReviewText, count: int) -> bool:
    try:
        after = now.after(patches).facts
    except FormatError:
        return False
    before = now.facts
    kept = before.sections == after.sections and before.resolution_text == after.resolution_text
    others = sum(any(r.says_the_same(old) for r in after.reviews) for old in before.reviews)
    enough = others >= len(before.reviews) - (count == len(before.reviews))
    twins = sum(review.says_the_same(wanted) for review in before.reviews)
    found = sum(review.says_the_same(wanted) for review in after.reviews) == twins + 1
    return kept and found and enough and len(after.reviews) == count


def _replaced(
    document: Document, review: Review, stated: ReviewText, wanted: ReviewText
) -> list[Patch]:
    """Change verdict, date and text where they stand."""
    lines: dict[int, str] = {}
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
        cells.append((review.verdict_cell, wrap(wanted.verdict, style_of(review))))
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
