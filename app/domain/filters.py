"""What lists of tickets are narrowed to and ordered by, declared once.

The API, the pages, the command and exports read their filters from here, `FILTERS`; what a filter
asks of the database says `app.storage.tickets.filters`. The command loads this module each time it
lists tickets, so it needs little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from app.domain.sight import Sight


class Filter(NamedTuple):
    """How a filter is asked for."""

    values: str
    """The kind of its values: ``flag``, ``number``, ``text``, ``query``, or a kind of words."""
    meaning: str
    """What it asks for, in a sentence."""
    label: str
    """The same on a page, in few words."""
    otherwise: str = ""
    """Of a flag: the option of the command that asks for the contrary."""
    most: int = 50
    """So many values at once."""

    @property
    def is_flag(self) -> bool:
        """It asks for one of two."""
        return self.values == "flag"

    @property
    def is_single(self) -> bool:
        """It has one value at most."""
        return self.values in ("flag", "query")


def _any_of(values: str, meaning: str, label: str, **more: Any) -> Any:
    return field(default=(), metadata={"filter": Filter(values, meaning, label, **more)})


def _flag(meaning: str, label: str, otherwise: str) -> Any:
    return field(default=None, metadata={"filter": Filter("flag", meaning, label, otherwise)})


@dataclass(frozen=True)
class TicketFilter:
    """What a list is narrowed to: OR within a field, AND between fields."""

    q: str | None = field(
        default=None,
        metadata={"filter": Filter("query", "Words of the ticket, not of its reviews.", "words")},
    )
    severity: tuple[str, ...] = _any_of("severity", "P0 to P4.", "severity")
    status: tuple[str, ...] = _any_of("status", "Like open or closed.", "status")
    evidence: tuple[str, ...] = _any_of(
        "evidence", "Like proven or reproduced; stale evidence is asked for apart.", "evidence"
    )
    verdict: tuple[str, ...] = _any_of("verdict", "Has a current review like OBJECT.", "verdict")
    resolution: tuple[str, ...] = _any_of("resolution", "Like fixed or not-a-bug.", "resolution")
    category: tuple[str, ...] = _any_of("category", "Like api-contract.", "category")
    location: tuple[str, ...] = _any_of(
        "location", "Its code is exact, moved, changed, gone or unknown.", "location"
    )
    strength: tuple[str, ...] = _any_of(
        "strength",
        "How strong its tests are: weak (below 0.5), fair (below 0.8), strong, unknown (not "
        "measured, too few mutants, or out of date), or like '<0.8'.",
        "strength",
        most=20,
    )
    agent: tuple[str, ...] = _any_of("specialist", "Who found it.", "found by")
    reviewer: tuple[str, ...] = _any_of(
        "specialist",
        "Has a current review of this specialist; with a verdict one that says so.",
        "reviewed by",
    )
    domain: tuple[str, ...] = _any_of("domain", "With all below it.", "domain")
    target: tuple[str, ...] = _any_of("text", "Its domains place it with this target.", "target")
    batch: tuple[int, ...] = _any_of("number", "Audit batch.", "batch")
    assignee: tuple[str, ...] = _any_of("text", "Who takes care of it.", "assignee")
    created_by: tuple[str, ...] = _any_of("text", "Which account filed it.", "filed by")
    scanner: tuple[str, ...] = _any_of("text", "Which scanner reported it.", "scanner")
    rule: tuple[str, ...] = _any_of(
        "rule", "By which rule of a scanner, like B602; with a scanner by its rule.", "rule"
    )
    stale: bool | None = _flag("Its evidence is out of date.", "evidence is stale", "fresh")
    closable: bool | None = _flag(
        "Open, and nothing but the step itself is missing to close it as fixed.",
        "ready to close",
        "not-closable",
    )
    objected: bool | None = _flag(
        "A current OBJECT waits for its answer.", "an objection is unanswered", "not-objected"
    )
    waived: bool | None = _flag(
        "Closed as fixed without evidence, by a waiver or an override.",
        "closed without evidence",
        "not-waived",
    )
    drift: bool | None = _flag(
        "The folder of its document and its status disagree.",
        "folder and status disagree",
        "no-drift",
    )
    reported: bool | None = _flag(
        "Scanners report it; if not, a complete run no longer did.",
        "scanners report it",
        "not-reported",
    )
    needs_strength: bool | None = None
    """To be closable it must meet the requirement of strength: a setting of the service."""
    sight: Sight | None = None
    """Whom it must tell nothing of hidden verdicts; see `asks_for_verdicts`."""

    @property
    def asks_for_verdicts(self) -> bool:
        """What it finds depends on verdicts."""
        asked = (self.closable, self.objected)
        return bool(self.verdict or self.reviewer) or any(one is not None for one in asked)


FILTERS: Mapping[str, Filter] = {
    one.name: one.metadata["filter"] for one in fields(TicketFilter) if one.metadata
}
"""By name, in the order in which they are shown."""

TicketOrder = Literal[
    "-created", "created", "-updated", "updated", "severity", "-severity", "key", "-key",
    "title", "-title", "status", "-status", "evidence", "-evidence", "reviews", "-reviews",
    "agent", "-agent", "strength",
]  # fmt: skip
ORDERS: Mapping[TicketOrder, str] = {
    "-created": "newest first",
    "created": "oldest first",
    "-updated": "last changed first",
    "updated": "longest unchanged first",
    "severity": "gravest first",
    "-severity": "mildest first",
    "key": "by key",
    "-key": "by key, backwards",
    "title": "by title",
    "-title": "by title, backwards",
    "status": "by status",
    "-status": "by status, backwards",
    "evidence": "by evidence",
    "-evidence": "by evidence, backwards",
    "reviews": "fewest reviews first",
    "-reviews": "most reviews first",
    "agent": "by who found it",
    "-agent": "by who found it, backwards",
    "strength": "weakest tests first",
}
"""Orders of lists in words; by which columns they go says `app.storage.tickets.pages`."""
