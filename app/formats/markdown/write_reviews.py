"""Cross-reviews as lines, in any of the layouts."""

from __future__ import annotations

from collections.abc import Sequence

from app.formats.markdown.blocks import Outline, scan
from app.formats.markdown.cells import Style, escape, row_line, wrap
from app.formats.markdown.document import Document, Layout, Review
from app.formats.markdown.escape import Guard, encode
from app.formats.markdown.facts import ReviewText
from app.formats.markdown.layout import field_rows
from app.formats.markdown.read_reviews import LABEL, heading_name
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


def verdict_cell(verdict: str, style: Style) -> str:
    """A verdict, decorated as the others are."""
    return wrap(verdict, style)


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
    verdict = verdict_cell(review.verdict, style_of(model))
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
        "verdict": verdict_cell(review.verdict, style_of(model)),
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
