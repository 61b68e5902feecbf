"""Bisections in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from app.api.payloads.fields import Flag, Input, Output
from app.api.payloads.runs import CommitOut, RevisionName
from app.domain.bisection.plan import DEFAULT_BUDGET_S, MAX_BUDGET_S, MAX_RUNS
from app.domain.bisection.run import Bisection, Step
from app.domain.bisection.search import BisectionOutcome, Direction, Seen, Why
from app.domain.revisions import Revision
from app.domain.runs import RunStatus
from app.services.bisections import BisectionWanted


class BisectionIn(Input):
    """What is to be found."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"direction": "introduced"},
                {"direction": "fixed", "from": "v1.2", "to": "main"},
            ]
        },
    )

    direction: Direction = Field(
        description="`introduced`: the first commit with the defect; `fixed`: the first without it."
    )
    old: RevisionName | None = Field(
        None,
        alias="from",
        description="The older end: without the defect for `introduced`, with it for `fixed`. Left "
        "out, it is looked for by ever larger steps back from `to`.",
    )
    new: RevisionName | None = Field(
        None, alias="to", description="The newer end; by default the revision in force."
    )
    first_parent: Flag = Field(
        False, description="Follow first parents only: commits of merged branches are left out."
    )
    budget_s: Annotated[int, Field(strict=True, ge=1, le=MAX_BUDGET_S)] = Field(
        DEFAULT_BUDGET_S, description="Seconds after which it ends with what it knows."
    )
    budget_runs: Annotated[int, Field(strict=True, ge=1, le=MAX_RUNS)] = Field(
        MAX_RUNS, description="Runs after which it ends with what it knows."
    )
    tests: list[Annotated[str, Field(max_length=2000)]] | None = Field(
        None, max_length=500, description="Some of the linked tests, by node id; all by default."
    )

    @property
    def wanted(self) -> BisectionWanted:
        """What the service is asked for."""
        return BisectionWanted(**dict(self))


class StepOut(Output):
    """What was seen at one revision."""

    revision: str
    outcome: Seen = Field(
        description="`bad`: the tests fail as they do at the bad end; `good`: they pass; `skip`: "
        "neither, for what `reason` says."
    )
    reason: str | None
    why: Why = Field(
        description="An `end`, one of the `coarse` points, what `half` cuts the rest at, or to "
        "`confirm` what is named."
    )
    looks: int = Field(description="How often the tests were run.")
    fails: int = Field(description="How often they failed as at the bad end.")
    reused: bool = Field(description="Another bisection had seen it.")
    place: int | None = Field(
        description="How many commits of the newer end's history come after it, parents behind "
        "their children."
    )
    at: datetime | None
    author: str | None
    subject: str | None


class IntervalOut(Output):
    """A stretch of the history that has the defect."""

    first: str
    last: str | None = Field(description="Null: it lasts until the newer end.")
    exact: bool


class BisectionSummaryOut(Output):
    """A bisection as lists show it."""

    id: UUID = Field(description="That of its run, too: `/runs/{id}/log` and its like work.")
    ticket: str
    target: str
    direction: Direction
    status: RunStatus
    outcome: BisectionOutcome | None
    reason: str | None
    first: str | None = Field(description="The commit; of a range the oldest that it can be.")
    last: str | None = Field(description="The commit; of a range the newest that it can be.")
    intervals: list[IntervalOut]
    confidence: float | None = Field(description="How likely every judgement is right.")
    old: str | None = Field(alias="from")
    new: str = Field(alias="to")
    first_parent: bool
    stale: bool = Field(description="The linked tests have changed since.")
    requested_by: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class BisectionOut(BisectionSummaryOut):
    """A bisection with its steps."""

    runs: int = Field(description="How many arms were run.")
    steps: list[StepOut] = Field(description="In the order in which they were taken.")
    revisions: list[CommitOut] = Field(description="What is told of the commits that it names.")


class BisectionsOut(Output):
    """The bisections of a ticket, the newest first."""

    items: list[BisectionSummaryOut]


_ANSWERED = ("outcome", "reason", "first", "last", "confidence")


def bisection_summary(found: Bisection) -> dict[str, Any]:
    """Return a bisection as lists answer it."""
    answer = found.found
    return {
        "id": found.id,
        "ticket": found.ticket,
        "target": found.target,
        "direction": found.plan.direction,
        "status": found.status,
        "intervals": () if answer is None else answer.intervals,
        **{name: getattr(answer, name, None) for name in _ANSWERED},
        "from": found.old,
        "to": found.plan.new,
        "first_parent": found.plan.first_parent,
        "stale": found.stale,
        "requested_by": found.requested_by,
        "queued_at": found.queued_at,
        "started_at": found.started_at,
        "finished_at": found.finished_at,
    }


def bisection_body(found: Bisection) -> dict[str, Any]:
    """Return a bisection as it is answered."""
    return {
        **bisection_summary(found),
        "runs": found.runs,
        "steps": [_step(step, found.places.get(step.revision)) for step in found.steps],
        "revisions": [_commit(commit, told) for commit, told in found.commits.items()],
    }


def _step(step: Step, place: int | None) -> dict[str, Any]:
    return {
        "revision": step.revision,
        "outcome": step.outcome or Seen.SKIP,
        "reason": step.reason,
        "why": step.why,
        "looks": step.looks.total,
        "fails": step.looks.fails,
        "reused": step.reused,
        "place": place,
        **{name: getattr(step.told, name, None) for name in ("at", "author", "subject")},
    }


def _commit(commit: str, told: Revision) -> dict[str, Any]:
    return {"id": commit, "at": told.at, "author": told.author, "subject": told.subject}
