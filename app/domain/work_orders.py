"""Work orders: what somebody wants done to a ticket, accepted only where a run shows that it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.runs import RunKind, RunOutcome, RunStatus

LONGEST_LEASE_MINUTES = 24 * 60
LOST_AFTER_S = 300
"""What was handed in and has no run after so long was lost on the way."""


class OrderKind(StrEnum):
    """What is wanted."""

    REPRODUCE = "reproduce"
    """A test that fails on the package for the ticket's reason."""
    REFUTE = "refute"
    """A test that passes on the package and fails once the claimed defect is planted."""
    FIX = "fix"
    """A patch that makes the linked tests pass and breaks none."""
    KILL_MUTANT = "kill-mutant"
    """A test that fails on a surviving mutant and passes on the package."""
    ASSESS = "assess"
    """A cross-review."""


class OrderStatus(StrEnum):
    """Where an order stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ERRORED = "errored"
    """Through no fault of whoever did it; it is offered again."""


RUN_OF = {
    OrderKind.REPRODUCE: RunKind.CHECK,
    OrderKind.REFUTE: RunKind.PROOF,
    OrderKind.FIX: RunKind.PROOF,
    OrderKind.KILL_MUTANT: RunKind.PROOF,
}
"""By which kind of run an order is judged; `assess` by none."""

_ACCEPTED = {
    OrderKind.REPRODUCE: RunOutcome.FAILED,
    OrderKind.REFUTE: RunOutcome.PROVEN,
    OrderKind.FIX: RunOutcome.PROVEN,
    OrderKind.KILL_MUTANT: RunOutcome.PROVEN,
}
"""The one outcome that shows it done."""


@dataclass(frozen=True)
class OrderedMutant:
    """The surviving mutant that an order wants killed."""

    digest: str
    path: str
    line: int
    function: str
    diff: str
    """What it changes of the package."""


@dataclass(frozen=True)
class WorkOrder:
    """A work order."""

    id: UUID
    kind: OrderKind
    ticket: str
    status: OrderStatus
    specialist: str | None
    """As whom an assessment is wanted; None: anybody."""
    mutant: OrderedMutant | None
    """With `kill-mutant`."""
    note: str | None
    created_by: str | None
    """None: the service itself, by a rule of its policy."""
    created_at: datetime
    claimed_by: str | None
    lease_expires_at: datetime | None
    run: UUID | None
    """The run that it was judged by, or will be."""
    reason: str | None
    """Why it was rejected or could not be judged."""


@dataclass(frozen=True)
class OrderDraft:
    """An order to be placed."""

    kind: OrderKind
    ticket: str
    specialist: str | None = None
    note: str | None = None
    mutant: str | None = None
    """Its digest, with `kill-mutant`."""


@dataclass(frozen=True)
class Handed:
    """What is handed in for an order."""

    filename: str | None = None
    source: str | None = None
    patch: str | None = None


@dataclass(frozen=True)
class Taken:
    """What was taken in for an order, to be taken off the ticket again where it is rejected."""

    submitted: UUID | None = None
    """Of a submitted file."""
    patch: str | None = None
    """Its name."""


@dataclass(frozen=True)
class EndedOrder:
    """An order whose run has ended and that is not judged yet."""

    id: UUID
    kind: OrderKind
    ticket_id: int
    ticket: str
    status: RunStatus
    outcome: RunOutcome | None
    reason: str | None
    taken: Taken


@dataclass(frozen=True)
class Judged:
    """What a run says of what was handed in."""

    status: OrderStatus
    reason: str | None = None


def judge(
    kind: OrderKind, status: RunStatus, outcome: RunOutcome | None, reason: str | None
) -> Judged | None:
    """Return what an ended run says of an order, or None while it goes on.

    A run that could not say is nobody's fault: the machinery failed, or somebody stopped it. That
    it is inconclusive is the test's own: a typo or an import error shows nothing.
    """
    if status is RunStatus.CANCELLED:
        return Judged(OrderStatus.ERRORED, "The run was cancelled.")
    if status is not RunStatus.FINISHED or outcome is None:
        return None
    if outcome is _ACCEPTED[kind]:
        return Judged(OrderStatus.ACCEPTED)
    told = f"The run ended {outcome.value}" + (f": {reason}" if reason else ".")
    failed = outcome is RunOutcome.ERROR
    return Judged(OrderStatus.ERRORED if failed else OrderStatus.REJECTED, told)


def missing(kind: OrderKind, handed: Handed) -> tuple[str, ...]:
    """Return the fields that an order of `kind` wants and that were not handed in."""
    wanted = {
        OrderKind.REPRODUCE: ("filename", "source"),
        OrderKind.REFUTE: ("filename", "source", "patch"),
        OrderKind.FIX: ("patch",),
        OrderKind.KILL_MUTANT: ("filename", "source"),
        OrderKind.ASSESS: (),
    }
    return tuple(name for name in wanted[kind] if not getattr(handed, name))
