"""Work orders in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.api.payloads.fields import AnyKey, Input, Note, Output, Slug
from app.api.payloads.reviews import ReviewIn
from app.domain.diffs import MAX_BYTES as MAX_PATCH
from app.domain.submissions import MAX_BYTES as MAX_SOURCE
from app.domain.work_orders import LONGEST_LEASE_MINUTES, Handed, OrderDraft, OrderKind, OrderStatus


class WorkOrderIn(Input):
    """An order to be placed."""

    kind: OrderKind = Field(
        description="`reproduce`: a test that fails on the package for the ticket's reason; "
        "`refute`: a test that passes, and fails once the claimed defect is planted; `fix`: a "
        "patch that makes the linked tests pass and breaks none; `kill-mutant`: a test that fails "
        "on a surviving mutant; `assess`: a cross-review."
    )
    ticket: AnyKey
    specialist: Slug | None = Field(None, description="With `assess`: as whom.")
    mutant: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="With `kill-mutant`: the digest of a survivor of the ticket."
    )
    note: Note | None = Field(None, description="What whoever does it should know.")

    def draft(self) -> OrderDraft:
        """Return it as the domain has it."""
        return OrderDraft(self.kind, self.ticket, self.specialist, self.note, self.mutant)


class WorkClaimIn(Input):
    """Which order to take, and for how long."""

    kinds: list[OrderKind] = Field(default=[], max_length=5, description="Left out: any.")
    specialist: Slug | None = Field(
        None, description="Left out: orders for anybody, and for those that you speak for."
    )
    minutes: int = Field(
        30,
        strict=True,
        ge=1,
        le=LONGEST_LEASE_MINUTES,
        description="After so many minutes it is offered again.",
    )


class WorkSubmitIn(Input):
    """What an order wants."""

    filename: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Of the test, like test_x.py.", examples=["test_scale.py"]
    )
    source: Annotated[str, Field(max_length=MAX_SOURCE)] | None = Field(
        None,
        description="Of the test: it asserts the sound behaviour.",
        examples=["def test_scale():\n    assert scale(2.0, 3.0) == 6.0\n"],
    )
    patch: Annotated[str, Field(max_length=MAX_PATCH)] | None = Field(
        None, description="With `fix` what mends the defect, with `refute` what plants it."
    )
    review: ReviewIn | None = Field(None, description="With `assess`.")

    def handed(self) -> Handed:
        """Return test and patch as the domain has them."""
        return Handed(self.filename, self.source, self.patch)


class OrderedMutantOut(Output):
    """A surviving mutant."""

    digest: str
    path: str
    line: int
    function: str
    diff: str = Field(description="What it changes of the package.")


class WorkOrderOut(Output):
    """A work order."""

    id: UUID
    kind: OrderKind
    ticket: str
    status: OrderStatus
    specialist: str | None
    mutant: OrderedMutantOut | None = Field(description="With `kill-mutant`.")
    note: str | None
    created_by: str | None = Field(description="Null: the service, by a rule of its policy.")
    created_at: datetime
    claimed_by: str | None
    lease_expires_at: datetime | None
    run: UUID | None = Field(description="The run that judges it.")
    reason: str | None = Field(description="Why it was rejected or could not be judged.")


class WorkClaimOut(Output):
    """The order that was taken, or null where none waits."""

    order: WorkOrderOut | None


class WorkOrderPageOut(Output):
    """One page of work orders, newest first."""

    items: list[WorkOrderOut]
    next_cursor: str | None
