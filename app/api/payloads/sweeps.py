"""Sweeps in and out."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from app.api.payloads.fields import CountedOut, Input, Output
from app.api.payloads.runs import RevisionName
from app.domain.sweeps import Sweep, SweepItem, SweepStatus, SweepVerdict


class SweepIn(Input):
    """A sweep to be queued."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"target": "kasmina"}]})

    target: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="Name of a target; left out, the bundled one."
    )
    revision: RevisionName | None = Field(
        None, description="Of a git target; left out, what is in force."
    )


class SweepCountsOut(Output):
    """Tickets by verdict."""

    held: int = Field(description="Their tests end as they are known to.")
    regressed: int = Field(description="A test that passed fails again, each time and alike.")
    flaky: int
    infrastructure: int = Field(description="A test could not be run; the next sweep tries again.")
    not_applicable: int = Field(
        alias="not-applicable",
        description="What was looked at does not follow what they were fixed in.",
    )
    repaired: int = Field(description="The defect was there, and their tests pass.")
    held_by_decision: int = Field(
        alias="held-by-decision", description="A maintainer closed them at this very package."
    )


class SweepOut(Output):
    """A look at all tickets of a target that tests are linked with."""

    id: UUID
    target: str
    revision: str | None = Field(description="The commit that is looked at; a folder has none.")
    package_digest: str
    suite_digest: str
    previous: str | None = Field(description="What was in force before, where it came by itself.")
    automatic: bool = Field(description="It came by itself, as what is in force changed.")
    requested_by: str | None
    status: SweepStatus
    reason: str | None
    attempt: int
    tickets: int = Field(description="Of which something is said.")
    tests: int
    counts: SweepCountsOut
    reopened: int = Field(description="Tickets that it has opened again.")
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class SweepPageOut(CountedOut):
    """One page of sweeps, newest first."""

    items: list[SweepOut]
    next_cursor: str | None


class SweepItemOut(Output):
    """What a sweep says of a ticket."""

    seq: int
    ticket: str
    verdict: SweepVerdict
    reason: str
    reopened: bool
    signature: str | None = Field(description="What makes failures the same.")
    run: UUID | None = Field(description="The run that holds the results, where they say more.")
    at: datetime


class SweepItemsOut(Output):
    """One page of what a sweep says, in the order in which it was said."""

    items: list[SweepItemOut]
    next_cursor: str | None


def sweep_body(sweep: Sweep) -> dict[str, Any]:
    """Return a sweep as it is answered."""
    return asdict(sweep)


def item_body(item: SweepItem) -> dict[str, Any]:
    """Return what a sweep says of a ticket, as it is answered."""
    return asdict(item)
