"""The form of facts that the format keeps exactly.

A ticket may hold what Markdown cannot tell apart: line breaks in a title, empty lines around a
section, the order of categories. Facts are compared and written in this form; reading a
document gives it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from app.domain.document import LINES
from app.formats.markdown.facts import (
    ChecklistEntry,
    Location,
    RelationText,
    ReportText,
    ReviewText,
    SectionText,
    TicketFacts,
)
from app.formats.markdown.oneline import without_gaps
from app.formats.markdown.read_fields import is_reserved
from app.formats.markdown.read_links import commits_in, longest_commits
from app.formats.markdown.source import Span, trim
from app.formats.markdown.words import CATEGORY_ORDER

_BREAK = re.compile(r"[\r\n]+")


def one_line(text: str | None) -> str | None:
    """Text without line breaks or blanks around it; None for nothing."""
    parts = (part.strip() for part in _BREAK.split(text or ""))
    return without_gaps(" ".join(part for part in parts if part)) or None


def body(text: str | None) -> str:
    """Markdown with LF line ends and without empty lines around it."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    span = trim(lines, Span(0, len(lines)))
    return "\n".join(lines[span.start : span.end])


def canonical(facts: TicketFacts) -> TicketFacts:
    """The facts as a document written from them states them."""
    sections = [SectionText(one_line(s.heading) or "", body(s.body)) for s in facts.sections]
    resolution_text = body(facts.resolution_text) or None
    named = [c for section in sections for c in commits_in(section.body, section.heading)]
    named += commits_in(resolution_text or "")
    lines: dict[str, Any] = {name: one_line(getattr(facts, name)) for name in LINES}
    return replace(
        facts,
        title=one_line(facts.title) or "",
        severity_raw=one_line(facts.severity_raw),
        agent=one_line(facts.agent),
        **lines,
        domains=_lines(facts.domains),
        summary=one_line(facts.summary),
        locations=tuple(filter(_is_some_place, map(_location, facts.locations))),
        categories=sorted_categories(facts.categories),
        sections=tuple(s for s in sections if s.body or _says_something(s.heading)),
        checklist=tuple(
            ChecklistEntry(text, item.done)
            for item in facts.checklist
            if (text := one_line(item.text))
        ),
        relations=tuple(_relations(facts.relations)),
        reviews=tuple(_review(review) for review in facts.reviews),
        resolution_text=resolution_text,
        commits=tuple(sorted(longest_commits([*_lines(facts.commits), *named]))),
        reports=tuple(
            ReportText(file, one_line(report.section))
            for report in facts.reports
            if (file := one_line(report.file))
        ),
    )


def sorted_categories(categories: Iterable[str]) -> tuple[str, ...]:
    """Categories in the order of the format, labels of the author's own last."""
    last = len(CATEGORY_ORDER)
    return tuple(sorted(_lines(categories), key=lambda c: (CATEGORY_ORDER.get(c, last), c)))


def _lines(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for text in texts if (line := one_line(text))))


def _location(place: Location) -> Location:
    return Location(
        one_line(place.path),
        place.start_line,
        place.end_line if place.start_line is not None else None,
        one_line(place.symbol),
        one_line(place.note),
    )


def _says_something(heading: str) -> bool:
    """False for the heading of a known part, which has its values but no text of its own."""
    return bool(heading) and not is_reserved(heading)


def _is_some_place(place: Location) -> bool:
    return place != Location()


def _relations(relations: Iterable[RelationText]) -> Iterable[RelationText]:
    seen = set()
    for relation in relations:
        if (relation.key, relation.kind) not in seen:
            seen.add((relation.key, relation.kind))
            yield replace(relation, note=one_line(relation.note))


def _review(review: ReviewText) -> ReviewText:
    return replace(review, rationale=body(review.rationale).strip())
