"""What the tracker knows of a ticket and the document format can say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from app.domain.tickets import ChecklistItem, Location, ReportReference, Section


@dataclass(frozen=True, slots=True)
class RelationText:
    """A reference to another ticket."""

    key: str
    kind: str = "related"
    """``related``, ``duplicate-of``, ``duplicated-by``, ``blocks`` or ``blocked-by``."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewText:
    """A cross-review."""

    specialist: str
    verdict: str
    rationale: str = ""
    date: date | None = None
    """None also where the layout has no place for a date."""

    def says_the_same(self, other: ReviewText) -> bool:
        """True for reviews that differ at most in that one names no day."""
        same = replace(self, date=None) == replace(other, date=None)
        return same and (not self.date or not other.date or self.date == other.date)


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """A ticket as values, in the tracker's words."""

    key: str
    title: str
    severity: str | None = None
    """``P0`` to ``P4``; None in a fix note, and where the words are none of these."""
    severity_raw: str | None = None
    """The words of the document, where they are no severity."""
    status: str = "open"
    resolution: str | None = None
    batch: int | None = None
    agent: str | None = None
    domains: tuple[str, ...] = ()
    assignee: str | None = None
    created: date | None = None
    updated: date | None = None
    locations: tuple[Location, ...] = ()
    summary: str | None = None
    categories: tuple[str, ...] = ()
    """Slugs of the tracker, and labels of the author's own."""
    sections: tuple[Section, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()
    relations: tuple[RelationText, ...] = ()
    reviews: tuple[ReviewText, ...] = ()
    resolution_text: str | None = None
    commits: tuple[str, ...] = ()
    reports: tuple[ReportReference, ...] = ()
