"""What a document states, in the tracker's words and in its own.

A ticket may hold what Markdown cannot tell apart: line breaks in a title, empty lines around a
section, the order of categories. Facts are compared and written in this form; reading a
document gives it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from app.domain.document import DOCUMENT, LINES
from app.domain.tickets import ChecklistItem, Location, ReportReference, Section
from app.formats.markdown.blocks import scan
from app.formats.markdown.cells import code_values, strip_marks
from app.formats.markdown.comments import one_line
from app.formats.markdown.document import Document, Review
from app.formats.markdown.facts import RelationText, ReviewText, TicketFacts
from app.formats.markdown.locations import location_cells, read_places
from app.formats.markdown.metadata import domains, read_date
from app.formats.markdown.relations import stated_relations
from app.formats.markdown.resolution import commits_in, longest_commits, resolution_text
from app.formats.markdown.sections import free_sections, is_reserved
from app.formats.markdown.source import Span, is_rule, trim
from app.formats.markdown.words import (
    CATEGORY_ORDER,
    category_slug,
    document_status,
    read_number,
    read_severity,
    tracker_status,
)


def body(text: str | None) -> str:
    """Markdown with LF line ends and without empty lines around it."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    span = trim(lines, Span(0, len(lines)))
    return "\n".join(lines[span.start : span.end])


def canonical(facts: TicketFacts) -> TicketFacts:
    """The facts as a document written from them states them."""
    sections = [Section(one_line(s.heading) or "", body(s.body)) for s in facts.sections]
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
        locations=tuple(
            place for place in map(_canonical_location, facts.locations) if place != Location()
        ),
        categories=sorted_categories(facts.categories),
        sections=tuple(s for s in sections if s.body or _says_something(s.heading)),
        checklist=tuple(
            ChecklistItem(text, item.done)
            for item in facts.checklist
            if (text := one_line(item.text))
        ),
        relations=tuple(_canonical_relations(facts.relations)),
        reviews=tuple(replace(r, rationale=body(r.rationale).strip()) for r in facts.reviews),
        resolution_text=resolution_text,
        commits=tuple(sorted(longest_commits([*_lines(facts.commits), *named]))),
        reports=tuple(
            ReportReference(file, one_line(report.section))
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


def _canonical_location(place: Location) -> Location:
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


def _canonical_relations(relations: Iterable[RelationText]) -> Iterable[RelationText]:
    seen = set()
    for relation in relations:
        if (relation.key, relation.kind) not in seen:
            seen.add((relation.key, relation.kind))
            yield replace(relation, note=one_line(relation.note))


def facts(document: Document) -> TicketFacts:
    """The document as values, in canonical form."""
    table = document.metadata
    status, resolution = tracker_status(document.status_raw or "", table.value("Resolution"))
    severity_raw = table.value("Severity")
    severity = read_severity(severity_raw) if severity_raw else None
    batch = table.value("Batch") or ""
    return canonical(
        TicketFacts(
            key=document.key,
            title=document.title.text,
            severity=severity,
            severity_raw=None if severity else severity_raw,
            status=status,
            resolution=resolution,
            batch=read_number(batch),
            agent=table.value("Agent"),
            domains=tuple(domains(document)),
            **{name: table.value(DOCUMENT[name].label) for name in LINES},
            created=read_date(table.value("Created")),
            updated=read_date(table.value("Updated")),
            locations=read_places(location_cells(document)),
            summary=document.summary.text if document.summary else None,
            categories=tuple(
                category_slug(row.label) or row.label for row in document.categories if row.checked
            ),
            sections=tuple(text for _, text in free_sections(document)),
            checklist=tuple(
                ChecklistItem(item.text, item.mark in ("x", "X")) for item in document.checklist
            ),
            relations=tuple(stated_relations(document)),
            reviews=tuple(
                ReviewText(r.reviewer, r.verdict, r.rationale, read_date(r.date))
                for r in document.reviews
            ),
            resolution_text=resolution_text(document),
            commits=tuple(entry.hash for entry in document.commits),
            reports=tuple(
                ReportReference(report.file, report.section) for report in document.reports
            ),
        )
    )


def _review_json(review: Review) -> dict[str, Any]:
    return {
        "reviewer": review.reviewer,
        "reviewer_raw": review.reviewer_raw,
        "verdict": review.verdict,
        "verdict_raw": review.verdict_raw,
        "text": _without_rules(review.text),
        "date": review.date,
    }


def _without_rules(text: str) -> str:
    """The text without separators between its parts, which are none of it."""
    if "\n---" not in text:
        return text
    lines = text.split("\n")
    rules = {b.span.start for b in scan(lines).blocks if b.kind == "rule"}
    return "\n".join(x for i, x in enumerate(lines) if i not in rules or not is_rule(x))


def in_own_words(facts: TicketFacts) -> dict[str, Any]:
    """The part of a document in its own words that facts have to the letter."""
    return {
        "id": facts.key,
        "title": facts.title,
        "batch": facts.batch,
        "agent": facts.agent,
        "assignee": facts.assignee,
        "summary": facts.summary,
        "verification_items": [{"text": i.text, "done": i.done} for i in facts.checklist],
        "commits": list(facts.commits),
    }


def to_json(document: Document) -> dict[str, Any]:
    """The document in its own words, raw tokens beside the normal ones."""
    table, location = document.metadata, document.location
    files = location.get("File(s)") if location else None
    status = document.status_raw
    return in_own_words(facts(document)) | {
        "source_path": document.source_path,
        "severity": table.value("Severity"),
        "status_raw": status,
        "status": document_status(status) if status else None,
        "domains": domains(document),
        "created": table.value("Created"),
        "updated": table.value("Updated"),
        "files": code_values(files.text) if files else [],
        "lines": location.value("Line(s)") if location else None,
        "symbol": location.value("Function/Class") if location else None,
        "categories": [row.label for row in document.categories if row.checked],
        "reviews": [_review_json(review) for review in document.reviews],
        "related": [
            {
                "id": entry.key,
                "relationship": strip_marks(entry.word) if entry.word else None,
            }
            for entry in (document.related.entries if document.related else ())
        ],
        "has_resolution": any(
            s.heading.casefold().startswith("resolution") for s in document.sections
        ),
        "section_headings": [section.heading for section in document.sections],
    }
