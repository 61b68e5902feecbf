"""Figures, domains and the template out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, RootModel

from app.api.payloads.fields import Output
from app.api.payloads.tickets import TicketIn
from app.domain.evidence import EvidenceState
from app.domain.figures import Figures, TicketCount
from app.domain.tickets import Severity, Status


class CountsOut(Output):
    """How many tickets there are, by their words; words without tickets stand with 0."""

    tickets: int
    severity: dict[str, int]
    status: dict[str, int]
    evidence: dict[str, int] = Field(description="Of what is in force: fresh evidence.")
    stale: dict[str, int] = Field(
        description="Evidence that something has changed since, by what it was; counted apart."
    )


class WeekOut(Output):
    """What was opened and closed in the seven days from a Monday."""

    week: date
    opened: int
    closed: int


class SpecialistFiguresOut(Output):
    """What a specialist's current reviews say."""

    verdicts: dict[str, int]
    outdated: int = Field(description="Reviews of another text; they count in nothing else.")
    upheld: int = Field(description="Opinions of claims that turned out so.")
    contradicted: int


class ContradictionOut(Output):
    """A review whose opinion of the claim did not stand."""

    ticket: str
    review: UUID
    specialist: str
    author: str
    verdict: str
    claim: str | None
    reviewed_at: datetime
    claim_was: Literal["confirmed", "refuted"]
    because: str = Field(description="The evidence state or the resolution that shows it.")
    run: UUID | None = Field(description="The run that decided it, if one did.")
    links: dict[str, str] = Field(
        description="Where the `ticket`, its `reviews` and the `run` are."
    )


class FiguresOut(CountsOut):
    """What the tickets and reviews add up to."""

    covered: CountsOut = Field(description="Tickets whose claims tests can show.")
    not_covered: CountsOut
    targets: dict[str, CountsOut] = Field(description="Tickets of each target.")
    verdicts: dict[str, SpecialistFiguresOut] = Field(description="By specialist.")
    weeks: list[WeekOut]
    contradicted: list[ContradictionOut] = Field(description="The newest 200.")


class DomainOut(Output):
    """A domain."""

    name: str
    tickets: int
    open: int = Field(description="Those that are neither closed nor `wont-fix`.")
    covered: bool = Field(description="A target covers it, so that tests can show claims of it.")


class DomainsOut(Output):
    """All domains."""

    items: list[DomainOut]
    next_cursor: str | None = None


class TemplateOut(Output):
    """The skeleton of a ticket."""

    severities: dict[str, str] = Field(description="When to choose which.")
    ticket: dict[str, Any] = Field(description="A body for `POST /tickets`.")
    markdown: str = Field(description="The same as a document.")


class TemplateBody(RootModel[TemplateOut | TicketIn]):
    """The skeleton with the meanings of severities, or with `format=json` the body alone."""


def figures_body(figures: Figures) -> dict[str, Any]:
    """Return the figures as they are answered."""
    return {
        **_counts(figures.tickets),
        "covered": _counts(count for count in figures.tickets if count.covered),
        "not_covered": _counts(count for count in figures.tickets if not count.covered),
        "targets": {
            name: _counts(count for count in figures.tickets if count.target == name)
            for name in figures.targets
        },
        "verdicts": dict(sorted(figures.specialists.items())),
        "weeks": figures.weeks,
        "contradicted": [
            vars(item) | {"links": _links(item.ticket, item.run)} for item in figures.contradicted
        ],
    }


def _counts(counts: Iterable[TicketCount]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "tickets": 0,
        "severity": {word.value: 0 for word in Severity},
        "status": {word.value: 0 for word in Status},
        "evidence": {word.value: 0 for word in EvidenceState},
        "stale": {word.value: 0 for word in EvidenceState},
    }
    for count in counts:
        body["tickets"] += count.tickets
        for name in ("severity", "status"):
            word = getattr(count, name)  # a severity may be "unknown", which is named if it occurs
            body[name][word] = body[name].get(word, 0) + count.tickets
        body["stale" if count.stale else "evidence"][count.evidence] += count.tickets
    return body


def _links(key: str, run: UUID | None) -> dict[str, str]:
    links = {"ticket": f"/api/v1/tickets/{key}", "reviews": f"/api/v1/tickets/{key}/reviews"}
    return links if run is None else links | {"run": f"/api/v1/runs/{run}"}
