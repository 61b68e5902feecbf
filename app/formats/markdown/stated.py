"""What a document states, in the tracker's words and in its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from app.domain.document import DOCUMENT, LINES
from app.formats.markdown.blocks import scan
from app.formats.markdown.canonical import canonical
from app.formats.markdown.cells import code_values, strip_marks
from app.formats.markdown.document import Document, Review, Section, SectionKind, field_name
from app.formats.markdown.escape import decode
from app.formats.markdown.facts import (
    ChecklistEntry,
    RelationText,
    ReportText,
    ReviewText,
    SectionText,
    TicketFacts,
)
from app.formats.markdown.oneline import without_gaps
from app.formats.markdown.places import LocationCells, read_places
from app.formats.markdown.read_fields import is_reserved
from app.formats.markdown.source import is_rule
from app.formats.markdown.words import (
    category_slug,
    document_status,
    read_number,
    read_severity,
    relation_kind,
    tracker_status,
)

_KNOWN_FIELDS = (
    "ticket id",
    "severity",
    "status",
    "batch",
    "agent",
    "domain",
    *(DOCUMENT[name].label.lower() for name in LINES),
    "created",
    "updated",
)


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
            created=_date(table.value("Created")),
            updated=_date(table.value("Updated")),
            locations=read_places(location_cells(document)),
            summary=document.summary.text if document.summary else None,
            categories=tuple(
                category_slug(row.label) or row.label for row in document.categories if row.checked
            ),
            sections=tuple(text for _, text in free_sections(document)),
            checklist=tuple(
                ChecklistEntry(item.text, item.mark in ("x", "X")) for item in document.checklist
            ),
            relations=tuple(_relations(document)),
            reviews=tuple(
                ReviewText(r.reviewer, r.verdict, r.rationale, _date(r.date))
                for r in document.reviews
            ),
            resolution_text=resolution_text(document),
            commits=tuple(entry.hash for entry in document.commits),
            reports=tuple(ReportText(report.file, report.section) for report in document.reports),
        )
    )


def extra_fields(document: Document) -> dict[str, str]:
    """Rows of the metadata table that the format does not name, such as ``Fixed``."""
    return {
        entry.key: entry.cell.value
        for entry in document.metadata.fields
        if field_name(entry.key) not in _KNOWN_FIELDS
    }


def domains(document: Document) -> list[str]:
    """Every code span of the Domain cell, or its words where it has none."""
    cell = document.metadata.get("Domain")
    if cell is None:
        return []
    words = (strip_marks(word) for word in without_gaps(cell.text).split(","))
    return code_values(cell.text) or [word for word in words if word]


def location_cells(document: Document) -> LocationCells:
    """The cells of the location table and the bullets below it."""
    table = document.location
    keys = ("File(s)", "Line(s)", "Function/Class", "Note")
    files, lines, symbol, note = (
        without_gaps(cell.text) if table and (cell := table.get(key)) else "" for key in keys
    )
    more = tuple(item.text for item in document.more_locations)
    return LocationCells(files, lines, symbol, note, more)


def free_sections(document: Document) -> Iterator[tuple[Section, SectionText]]:
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
        yield section, SectionText(section.heading, decode(text))


def rest_of(document: Document, section: Section) -> str:
    """What a section holds besides the values read from it."""
    lines = document.free_lines(section.body)
    return "\n".join(document.source.lines[i] for i in lines)


def resolution_text(document: Document) -> str | None:
    """The resolution section without the lines that only name commits."""
    if document.resolution is None:
        return None
    return decode(rest_of(document, document.resolution)) or None


def _relations(document: Document) -> Iterator[RelationText]:
    for entry in document.related.entries if document.related else ():
        yield RelationText(entry.key, relation_kind(entry.word or "") or "related", entry.note)


def _date(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.isoformat() == text else None


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


def to_json(document: Document) -> dict[str, Any]:
    """The document in its own words, raw tokens beside the normal ones."""
    table, location = document.metadata, document.location
    files = location.get("File(s)") if location else None
    status = document.status_raw
    batch = table.value("Batch") or ""
    return {
        "source_path": document.source_path,
        "id": document.key,
        "title": document.title.text,
        "severity": table.value("Severity"),
        "status_raw": status,
        "status": document_status(status) if status else None,
        "batch": read_number(batch),
        "agent": table.value("Agent"),
        "domains": domains(document),
        "assignee": table.value("Assignee"),
        "created": table.value("Created"),
        "updated": table.value("Updated"),
        "files": code_values(files.text) if files else [],
        "lines": location.value("Line(s)") if location else None,
        "symbol": location.value("Function/Class") if location else None,
        "summary": (document.summary.text or None) if document.summary else None,
        "categories": [row.label for row in document.categories if row.checked],
        "reviews": [_review_json(review) for review in document.reviews],
        "verification_items": [
            {"text": item.text, "done": item.mark in ("x", "X")} for item in document.checklist
        ],
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
        "commits": list(facts(document).commits),
        "section_headings": [section.heading for section in document.sections],
    }
