"""Finding tickets: the words they use and the data they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.domain.document import SEVERITIES
from app.domain.evidence import Evidence
from app.domain.external import ExternalResult
from app.domain.relocated import Relocated
from app.domain.reviews import Consensus, Review
from app.domain.strength import StrengthGate, TicketStrength


class Severity(StrEnum):
    """How much a finding matters."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"

    @property
    def meaning(self) -> str:
        """When to choose it."""
        return f"{SEVERITIES[self]}."


class Status(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    FIX_IN_PROGRESS = "fix-in-progress"
    IN_REVIEW = "in-review"
    CLOSED = "closed"
    WONT_FIX = "wont-fix"

    @property
    def is_final(self) -> bool:
        """True for closed and wont-fix."""
        return self in (Status.CLOSED, Status.WONT_FIX)


class Resolution(StrEnum):
    """Why a ticket was closed."""

    FIXED = "fixed"
    ALREADY_FIXED = "already-fixed"
    NOT_A_BUG = "not-a-bug"
    DUPLICATE = "duplicate"
    WONT_FIX = "wont-fix"


class Category(StrEnum):
    """What kind of problem a finding is; a ticket may have several."""

    CORRECTNESS = "correctness"
    CONCURRENCY = "concurrency"
    RESOURCE_LEAK = "resource-leak"
    PERFORMANCE = "performance"
    NUMERICAL_STABILITY = "numerical-stability"
    TORCH_COMPILE = "torch-compile"
    DEAD_CODE = "dead-code"
    API_CONTRACT = "api-contract"
    TEST_GAP = "test-gap"
    DOCUMENTATION = "documentation"
    DEFENSIVE_PROGRAMMING = "defensive-programming"
    LEGACY_POLICY = "legacy-policy"


class RelationKind(StrEnum):
    """How one ticket stands to another."""

    RELATED = "related"
    DUPLICATE_OF = "duplicate-of"
    DUPLICATED_BY = "duplicated-by"
    BLOCKS = "blocks"
    BLOCKED_BY = "blocked-by"

    @property
    def inverse(self) -> RelationKind:
        """The same relation seen from the other ticket."""
        return _INVERSE[self]

    @property
    def is_stored(self) -> bool:
        """True for the direction that is kept; its inverse is derived when read."""
        return self in (RelationKind.RELATED, RelationKind.DUPLICATE_OF, RelationKind.BLOCKS)


_INVERSE = {
    RelationKind.RELATED: RelationKind.RELATED,
    RelationKind.DUPLICATE_OF: RelationKind.DUPLICATED_BY,
    RelationKind.DUPLICATED_BY: RelationKind.DUPLICATE_OF,
    RelationKind.BLOCKS: RelationKind.BLOCKED_BY,
    RelationKind.BLOCKED_BY: RelationKind.BLOCKS,
}


@dataclass(frozen=True)
class Location:
    """A place in the code; at least one of path, symbol and note is set."""

    path: str | None = None
    start_line: int | None = None
    end_line: int | None = None
    symbol: str | None = None
    note: str | None = None
    id: str | None = None

    @property
    def problem(self) -> str | None:
        """Why it is no place, or None."""
        if self.path is None and self.symbol is None and self.note is None:
            return "give at least one of path, symbol and note"
        if self.end_line is not None and self.start_line is None:
            return "end_line needs a start_line"
        if (self.end_line or 0) and (self.end_line or 0) < (self.start_line or 0):
            return f"end_line {self.end_line} lies before start_line {self.start_line}; swap them"
        return None


@dataclass(frozen=True)
class Section:
    """A free section of the ticket, in Markdown."""

    heading: str
    body: str
    id: str | None = None


@dataclass(frozen=True)
class ChecklistItem:
    """A step that shows the fix to be right."""

    text: str
    done: bool = False
    id: str | None = None


@dataclass(frozen=True)
class PartChange:
    """A location, section or checklist item that is kept; its other fields stay as they are."""

    id: str
    fields: Mapping[str, Any]
    """New values of those that change."""


@dataclass(frozen=True)
class Relation:
    """A link to another ticket, seen from this one."""

    key: str
    kind: RelationKind
    note: str | None = None
    stated_here: bool = True
    """False when the other ticket states it, and this one only shows it."""


@dataclass(frozen=True)
class ReportReference:
    """The audit report a finding was taken from."""

    file: str
    section: str | None = None


@dataclass(frozen=True)
class TicketDraft:
    """What a client files."""

    title: str
    severity: Severity
    batch: int
    agent: str
    summary: str
    key: str | None = None
    domains: tuple[str, ...] = ()
    categories: tuple[Category, ...] = ()
    locations: tuple[Location, ...] = ()
    sections: tuple[Section, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()
    relations: tuple[Relation, ...] = ()
    reports: tuple[ReportReference, ...] = ()
    assignee: str | None = None
    reported_on: date | None = None
    external_ref: str | None = None
    severity_raw: str | None = None
    """Words of a document that are no severity: it is unknown, and counts as the gravest."""


@dataclass(frozen=True)
class TestLink:
    """A linked test as a ticket shows it."""

    __test__ = False

    id: UUID
    node_id: str
    purpose: str
    origin: str
    checklist_item: str | None = None
    digest: str | None = None
    """Of the test's file and the support files it shares; None when the test is gone."""
    last_outcome: str | None = None


class Testable(StrEnum):
    """Can a test decide whether the claim is true?"""

    __test__ = False

    TESTABLE = "testable"
    NOT_TESTABLE = "not-testable"


@dataclass(frozen=True)
class Testability:
    """What a reviewer said of testing a ticket; shown with it, and no part of its document."""

    __test__ = False

    state: Testable
    reason: str | None
    by: str
    at: datetime


@dataclass(frozen=True)
class Closure:
    """How a ticket got its final status; gone when it is opened again."""

    by: str
    at: datetime
    reason: str | None
    overridden: tuple[str, ...] = ()
    """Requirements of the gate that were open and that a maintainer overrode."""
    waiver: str | None = None
    """Why a maintainer closed it as fixed although no run can show that it is."""
    package_digest: str | None = None
    """Of the package that was in force then."""
    revision: str | None = None
    """The commit that was in force then; a folder has none."""


@dataclass(frozen=True)
class PatchInfo:
    """A patch of a ticket, without its text."""

    digest: str
    author: str
    at: datetime
    applies: str
    """``forward``, ``reverse`` or ``no``, against the bundled package of now."""


@dataclass(frozen=True)
class SimilarTicket:
    """A ticket that is alike, and why."""

    key: str
    title: str
    status: str
    score: float
    """0 to 1."""
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Ticket:
    """A ticket with everything that is shown with it."""

    id: int
    key: str
    title: str
    severity: Severity
    status: Status
    resolution: Resolution | None
    batch: int
    agent: str
    summary: str
    domains: tuple[str, ...]
    categories: tuple[Category, ...]
    assignee: str | None
    reported_on: date | None
    external_ref: str | None
    commits: tuple[str, ...]
    resolution_text: str | None
    version: int
    content_version: int
    created_at: datetime
    updated_at: datetime
    created_by: str
    locations: tuple[Location, ...] = ()
    sections: tuple[Section, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()
    relations: tuple[Relation, ...] = ()
    reports: tuple[ReportReference, ...] = ()
    reviews: tuple[Review, ...] = ()
    consensus: Consensus = field(default_factory=Consensus)
    verdicts_hidden: bool = False
    """Others' verdicts are kept from the reader until its own is in."""
    evidence: Evidence = field(default_factory=Evidence)
    tests: tuple[TestLink, ...] = ()
    patches: Mapping[str, PatchInfo] = field(default_factory=dict)
    relocated: tuple[Relocated, ...] = ()
    """What became of the code that its locations name, in their order."""
    external_results: tuple[ExternalResult, ...] = ()
    """The newest that others report of its tests; no evidence."""
    similar: tuple[SimilarTicket, ...] = ()
    """Given only to whoever files the ticket."""
    testability: Testability | None = None
    """None while nobody has said anything: then the ticket counts as testable."""
    unknown_commits: tuple[str, ...] = ()
    """Those of its commits that the repository of its target lacks: they count for no gate."""
    closure: Closure | None = None
    target: str | None = None
    """What its domains place it with; None: no target covers it."""
    severity_raw: str | None = None
    """Words of a document that are no severity: it is unknown, and counts as the gravest."""
    strength: TicketStrength | None = None
    """How strong its tests are, where that was measured."""
    strength_gate: StrengthGate = StrengthGate.ADVISORY
    """What its gate makes of that, by the service's setting."""

    @property
    def etag(self) -> str:
        """The ETag of the document: its version in quotes."""
        return f'"{self.version}"'


@dataclass  # not frozen: that triples what it takes to make one, and a page has many
class TicketSummary:
    """A ticket as lists show it."""

    key: str
    title: str
    severity: str
    status: str
    resolution: str | None
    batch: int
    agent: str
    summary: str
    domains: Sequence[str]
    categories: Sequence[str]
    assignee: str | None
    evidence: Mapping[str, Any]
    consensus: Mapping[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime
    created_by: str
    severity_raw: str | None = None
    """Words of a document that are no severity."""
    target: str | None = None
    """What its domains place it with; None: no target covers it."""
    strength: float | None = None
    """The share of mutants that its tests kill; None where that is not known or out of date."""


CONTENT_SECTIONS_LEFT_OUT = frozenset(
    {"Resolution", "Closure Notes", "Investigation Notes", "Appendix"}
)
"""Sections that a review does not speak about: changing them makes no review outdated."""


def severity_words(severity: str, raw: str | None) -> str:
    """Return a severity as people read it."""
    return severity if raw is None else f"unknown ({raw})"
