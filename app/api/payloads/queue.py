"""The review queue in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from app.api.payloads.fields import AnyKey, Input, Output, Slug
from app.api.payloads.tickets import SummaryOut, TicketOut, ticket_body
from app.domain.queue import LONGEST_LEASE_MINUTES, MOST_CLAIMED, LeasedTicket, QueuedTicket
from app.domain.remedies import Caller

_SPECIALIST = "As whom you review; may be left out when your account speaks for exactly one."
_Keys = Annotated[list[AnyKey], Field(min_length=1, max_length=200)]


class ClaimIn(Input):
    """Which tickets to lease, and for how long."""

    specialist: Slug | None = Field(None, description=_SPECIALIST)
    count: int = Field(
        1, strict=True, ge=1, le=MOST_CLAIMED, description="So many that nobody holds."
    )
    keys: _Keys | None = Field(
        None,
        max_length=MOST_CLAIMED,
        description="Instead of `count`: these tickets. Your own leases of them begin anew.",
    )
    minutes: int = Field(
        30,
        strict=True,
        ge=1,
        le=LONGEST_LEASE_MINUTES,
        description="After so many minutes others may have the tickets.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.keys is not None and "count" in self.model_fields_set:
            raise ValueError("give count for any tickets or keys for certain ones, not both")
        return self


class ReleaseIn(Input):
    """Which leases to end."""

    specialist: Slug | None = Field(None, description=_SPECIALIST)
    keys: _Keys | None = Field(None, description="Left out: all that you hold as the specialist.")


class LeaseOut(Output):
    """A lease of yours."""

    expires_at: datetime


class QueuedOut(SummaryOut):
    """A ticket that wants a review."""

    lease: LeaseOut | None = Field(description="Yours, while you hold the ticket.")


class QueuePageOut(Output):
    """One page of the review queue."""

    items: list[QueuedOut]
    next_cursor: str | None


class LeasedOut(LeaseOut):
    """A ticket that is yours to review until the lease ends."""

    ticket: TicketOut


class ClaimOut(Output):
    """What was leased; fewer than asked for, or none, when there is no more."""

    specialist: str
    items: list[LeasedOut]


class ReleaseOut(Output):
    """What is free again."""

    specialist: str
    released: list[str] = Field(description="Keys of the tickets that you held until now.")


def queued_body(queued: QueuedTicket) -> dict[str, Any]:
    """Return a queued ticket as it is answered."""
    ticket = queued.ticket
    expires_at = queued.lease_expires_at
    body = {name: getattr(ticket, name) for name in SummaryOut.model_fields}
    return body | {"lease": None if expires_at is None else {"expires_at": expires_at}}


def leased_body(leased: LeasedTicket, caller: Caller) -> dict[str, Any]:
    """Return a leased ticket as `caller` is answered."""
    return {"ticket": ticket_body(leased.ticket, caller), "expires_at": leased.expires_at}
