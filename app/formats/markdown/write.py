"""A ticket that was born in the tracker, in the layout of the ticket template."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.document import DOCUMENT, LINES
from app.formats.markdown.canonical import canonical, one_line
from app.formats.markdown.cells import escape, wrap
from app.formats.markdown.edit_fields import location_lines
from app.formats.markdown.edit_lists import (
    REPORT_HEADING,
    category_lines,
    checklist_lines,
    related_lines,
    report_lines,
)
from app.formats.markdown.edit_sections import free_section_lines, resolution_lines
from app.formats.markdown.facts import SectionText, TicketFacts
from app.formats.markdown.layout import cell_of, field_rows, section_lines, title_line
from app.formats.markdown.merge import unsaid
from app.formats.markdown.oneline import protect
from app.formats.markdown.places import write_places
from app.formats.markdown.problems import FormatError
from app.formats.markdown.reader import read
from app.formats.markdown.source import split
from app.formats.markdown.words import status_words
from app.formats.markdown.write_reviews import own_fields

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
    yield section_lines("## Ticket Metadata", _metadata(facts, external_ref))
    if facts.locations:
        yield section_lines("## Location", location_lines(write_places(facts.locations)[0]))
    yield section_lines("## Summary", _summary(facts))
    yield from (free_section_lines(text) for text in early)
    if facts.checklist:
        yield section_lines("## Verification", checklist_lines(facts.checklist))
    yield section_lines("## Related Findings", related_lines(facts.relations))
    yield from (own_fields(review) for review in facts.reviews)
    yield from (free_section_lines(text) for text in late)
    yield _resolution(facts)
    if facts.reports:
        yield section_lines("## Appendix", _reports(facts))


def _early_and_late(
    sections: tuple[SectionText, ...],
) -> tuple[tuple[SectionText, ...], tuple[SectionText, ...]]:
    """Notes at the end of the list stand behind the reviews, as in the template."""
    at = len(sections)
    while at and sections[at - 1].heading.casefold() in _LATE:
        at -= 1
    return sections[:at], sections[at:]


def _metadata(facts: TicketFacts, external_ref: str | None) -> list[str]:
    word, row = status_words(facts.status, facts.resolution)
    rows = [
        ("Ticket ID", cell_of(facts.key, "code")),
        ("Severity", cell_of(facts.severity or facts.severity_raw, "code")),
        ("Status", cell_of(word, "code")),
        ("Resolution", cell_of(row, "code")),
        ("Batch", "" if facts.batch is None else str(facts.batch)),
        ("Agent", cell_of(facts.agent, "code")),
        ("Domain", escape(", ".join(wrap(domain, "code") for domain in facts.domains))),
        *((DOCUMENT[name].label, cell_of(getattr(facts, name), "plain")) for name in LINES),
        ("Created", facts.created.isoformat() if facts.created else ""),
        ("Updated", facts.updated.isoformat() if facts.updated else ""),
    ]
    rows.append(("External Ref", cell_of(one_line(external_ref), "code")))
    optional = ("Resolution", "External Ref", *(DOCUMENT[name].label for name in LINES[1:]))
    return field_rows([(key, raw) for key, raw in rows if raw or key not in optional])


def _summary(facts: TicketFacts) -> list[str]:
    lines = [f"**One-line summary:** {protect(facts.summary)}", ""] if facts.summary else []
    return [*lines, *category_lines(facts.categories)]


def _resolution(facts: TicketFacts) -> list[str]:
    text = resolution_lines(facts.resolution_text)
    if facts.commits:
        text += [""] if text else []
        text += ["### Commits", "", *(f"- `{commit}`" for commit in facts.commits)]
    return section_lines("## Resolution", text) if text else []


def _reports(facts: TicketFacts) -> list[str]:
    lines = [REPORT_HEADING]
    for report in facts.reports:
        lines += ["", *report_lines(report)]
    return lines
