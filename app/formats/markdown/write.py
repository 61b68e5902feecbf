"""A ticket that was born in the tracker, in the layout of the ticket template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.tickets import ChecklistItem, Location, Section
from app.formats.markdown.checklist import checklist_lines
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.layout import section_lines
from app.formats.markdown.locations import location_lines, write_places
from app.formats.markdown.merge import unsaid
from app.formats.markdown.metadata import metadata_lines, title_line
from app.formats.markdown.problems import FormatError
from app.formats.markdown.reader import read
from app.formats.markdown.relations import related_lines
from app.formats.markdown.reports import reports_lines
from app.formats.markdown.resolution import resolution_section
from app.formats.markdown.review_edits import own_fields
from app.formats.markdown.sections import free_section_lines
from app.formats.markdown.source import split
from app.formats.markdown.stated import canonical
from app.formats.markdown.summary import summary_lines

KEY = "B1-CR-01"
"""Stands where the ticket's own key belongs."""

_LATE = frozenset({"investigation notes", "closure notes", "open questions", "notes"})


def write(ticket: TicketFacts, *, lenient: bool = False, external_ref: str | None = None) -> bytes:
    """The ticket as a document; reading it gives equal facts.

    Args:
        ticket: what it states.
        lenient: leave out what cannot be stated.
        external_ref: what the ticket is called elsewhere; a row more, and no fact for an import.

    Raises:
        FormatError: unless ``lenient``, a fact cannot be stated.

    """
    facts = canonical(ticket)
    sections = [section for section in _sections(facts, external_ref) if section]
    lines = [title_line("Finding Ticket", facts.title)]
    for section in sections:
        lines += ["", "---", "", *section]
    source = split("\n".join(lines) + "\n")
    if not lenient and (problems := unsaid(read(source, None), facts)):
        raise FormatError(problems)
    return source.encode()


def _sections(facts: TicketFacts, external_ref: str | None) -> Iterator[list[str]]:
    early, late = _early_and_late(facts.sections)
    yield section_lines("## Ticket Metadata", metadata_lines(facts, external_ref))
    if facts.locations:
        yield section_lines("## Location", location_lines(write_places(facts.locations)[0]))
    yield section_lines("## Summary", summary_lines(facts))
    yield from (free_section_lines(text) for text in early)
    if facts.checklist:
        yield section_lines("## Verification", checklist_lines(facts.checklist))
    yield section_lines("## Related Findings", related_lines(facts.relations))
    yield from (own_fields(review) for review in facts.reviews)
    yield from (free_section_lines(text) for text in late)
    yield resolution_section(facts)
    if facts.reports:
        yield section_lines("## Appendix", reports_lines(facts.reports))


def _early_and_late(
    sections: tuple[Section, ...],
) -> tuple[tuple[Section, ...], tuple[Section, ...]]:
    """Notes at the end of the list stand behind the reviews, as in the template."""
    at = len(sections)
    while at and sections[at - 1].heading.casefold() in _LATE:
        at -= 1
    return sections[:at], sections[at:]


def template(skeleton: Mapping[str, Any], severities: Mapping[str, str]) -> bytes:
    """Return the skeleton of a document, with the meaning of the severities beside it.

    Args:
        skeleton: the fields of a draft, as a client files it.
        severities: when to choose which.
    """
    facts = TicketFacts(
        key=KEY,
        **{name: skeleton[name] for name in ("title", "severity", "batch", "agent", "summary")},
        domains=tuple(skeleton["domains"]),
        categories=tuple(skeleton["categories"]),
        locations=tuple(Location(**item) for item in skeleton["locations"]),
        sections=(
            *(Section(**item) for item in skeleton["sections"]),
            Section("Severity", "\n".join(_legend(severities))),
        ),
        checklist=tuple(ChecklistItem(**item) for item in skeleton["checklist"]),
    )
    return write(facts)


def _legend(severities: Mapping[str, str]) -> list[str]:
    words = [f"- `{severity}`: {meaning}" for severity, meaning in severities.items()]
    return ["Choose one for the table above, and leave this section out:", "", *words]
