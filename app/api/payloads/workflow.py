"""Steps of tickets, gates and the workflow itself, in and out."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from app.api.payloads.fields import (
    AnyKey,
    Commit,
    Flag,
    Input,
    Markdown,
    Output,
)
from app.api.payloads.filters import FilterIn
from app.domain.accounts import Role
from app.domain.lifecycle import MAX_COMMITS, Transition, Waiver
from app.domain.tickets import Resolution, Status, Testable
from app.services.transitions import MAX_BATCH, Outcome

Reason = Annotated[Markdown, Field(max_length=10_000, examples=["The gradient is right."])]


class WaiverIn(Input):
    """Why a ticket is closed as fixed without evidence."""

    reason: Reason = Field(examples=["The change is one of wording; no test can tell."])

    @field_validator("reason")
    @classmethod
    def _explained(cls, reason: str) -> str:
        if not reason.strip():
            raise ValueError("say why it may be closed without evidence; the reason is kept")
        return reason


class TransitionIn(Input):
    """A step along the workflow."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"to": "investigating"},
                {"to": "closed", "resolution": "fixed", "commits": ["4f2a9c1"]},
                {
                    "to": "closed",
                    "resolution": "fixed",
                    "commits": ["4f2a9c1"],
                    "waiver": {"reason": "The change is one of wording; no test can tell."},
                },
                {"to": "closed", "resolution": "duplicate", "duplicate_of": "B2-DRL-10"},
            ]
        }
    )

    to: Status
    resolution: Resolution | None = Field(
        None, description="With `closed`; `wont-fix` has only its own, which may be left out."
    )
    reason: Reason | None = None
    commits: list[Commit] = Field(
        default=[], max_length=MAX_COMMITS, description="Added to those the ticket names."
    )
    duplicate_of: AnyKey | None = Field(
        None, description="With `duplicate`: makes the relation to that ticket."
    )
    resolution_text: Markdown | None = Field(
        None, description="Replaces the ticket's text about its resolution."
    )
    override: Flag = Field(
        False,
        description="Take the step although requirements are open: a maintainer, with a reason.",
    )
    waiver: WaiverIn | None = Field(
        None,
        description="With `fixed`, where no run can show the fix (evidence `not-covered` or "
        "not-testable): a maintainer says why it is closed all the same. Kept, and shown in "
        "lists as closed without evidence; not kept where the evidence decides.",
    )

    def transition(self) -> Transition:
        """Return the step that this body stands for."""
        return Transition(
            to=self.to,
            resolution=self.resolution,
            reason=self.reason,
            commits=tuple(dict.fromkeys(self.commits)),
            duplicate_of=self.duplicate_of,
            resolution_text=self.resolution_text,
            override=self.override,
            waiver=None if self.waiver is None else Waiver(self.waiver.reason),
        )


class BatchTransitionIn(TransitionIn):
    """The same step for many tickets, named by `keys` or found by `filter`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"keys": ["B2-DRL-10", "B2-PT-01"], "to": "investigating"},
                {"filter": {"closable": True}, "to": "closed", "resolution": "fixed"},
            ]
        }
    )

    keys: list[AnyKey] | None = Field(None, min_length=1, max_length=MAX_BATCH)
    filter: FilterIn | None = None
    dry_run: Flag = Field(False, description="Say what would come of it, and change nothing.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.keys is None) == (self.filter is None):
            raise ValueError("give either keys or filter")
        return self


class BatchItemOut(Output):
    """What came of the step for one ticket."""

    key: str
    result: Literal["done", "refused"]
    status: Status | None = Field(description="After the step; null when it was refused.")
    resolution: Resolution | None
    version: int | None
    reasons: list[str] = Field(description="Why it was refused.")
    problem: dict[str, Any] | None = Field(
        description="The answer that the step alone would have got."
    )


class BatchOut(Output):
    """What came of a batch."""

    items: list[BatchItemOut]
    done: int
    refused: int
    dry_run: bool


def batch_item(outcome: Outcome, problem: dict[str, Any] | None) -> dict[str, Any]:
    """Return what came of one step as it is answered."""
    ticket = outcome.ticket
    return {
        "key": outcome.key,
        "result": "refused" if ticket is None else "done",
        "status": None if ticket is None else ticket.status,
        "resolution": None if ticket is None else ticket.resolution,
        "version": None if ticket is None else ticket.version,
        "reasons": outcome.reasons,
        "problem": problem,
    }


class TestabilityIn(Input):
    """Whether a test can decide a ticket's claim."""

    state: Testable
    reason: Reason | None = Field(None, description="Required for `not-testable`.")

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.state is Testable.NOT_TESTABLE and not (self.reason or "").strip():
            raise ValueError("not-testable needs a reason: say why no test can decide it")
        return self


class StepOut(Output):
    """A step of the workflow."""

    from_: Status = Field(alias="from")
    to: Status
    role: Role = Field(description="Needed for any ticket.")
    own_role: Role = Field(description="Needed for a ticket that the account filed itself.")
    resolutions: list[Resolution]


class StatusOut(Output):
    """A status and what it means."""

    name: Status
    meaning: str
    final: bool


class ResolutionOut(Output):
    """A resolution, what it means and what it asks for."""

    name: Resolution
    status: Status
    meaning: str
    requirements: list[str]


class RequirementRuleOut(Output):
    """A requirement and what it means."""

    name: str
    meaning: str


class WorkflowOut(Output):
    """How tickets live."""

    statuses: list[StatusOut]
    transitions: list[StepOut]
    resolutions: list[ResolutionOut]
    requirements: list[RequirementRuleOut]
    override: dict[str, str]
    roles: list[Role] = Field(description="Each includes the ones before it.")
    words: dict[str, list[str]] = Field(description="Every word that the fields accept.")
    placeholders: dict[str, str] = Field(description="What to fill into remedies.")
