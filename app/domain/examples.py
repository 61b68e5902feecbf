"""Example tickets on their way into the service, and how far each has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.reviews import ReviewDraft
from app.domain.runs import RunOutcome, RunStatus
from app.domain.tickets import TicketDraft


@dataclass(frozen=True)
class ExampleDraft:
    """An example to be filed, argued about and proven."""

    key: str
    ticket: TicketDraft
    reviews: Sequence[ReviewDraft]
    patches: Mapping[str, str]
    """Unified diffs by name."""
    expected: RunOutcome
    """How its proof should end."""


@dataclass(frozen=True)
class ExampleState:
    """What the service knows of an example."""

    key: str
    title: str
    specialists: frozenset[str]
    """Whose reviews it has."""
    patches: frozenset[str]
    status: RunStatus | None
    """Of its last proof; None when none was asked for."""
    outcome: RunOutcome | None


@dataclass(frozen=True)
class Progress:
    """How far the examples have come."""

    total: int
    states: Mapping[str, ExampleState]
    """Of those that are filed, by key."""
    expected: Mapping[str, RunOutcome]
    left_alone: frozenset[str]
    """Keys under which the service has a ticket of somebody's own."""
    problems: Mapping[str, str]
    """Why an example could not be taken, by key."""
    under_way: bool
    """They are being filed at this moment."""

    @property
    def filed(self) -> int:
        """How many are here."""
        return len(self.states)

    @property
    def waiting(self) -> int:
        """How many proofs wait or run."""
        return sum(s.status in (RunStatus.QUEUED, RunStatus.RUNNING) for s in self.states.values())

    @property
    def ended(self) -> int:
        """How many need nothing more: their proof has ended, or there will be none."""
        over = {key for key, state in self.states.items() if state.status is RunStatus.FINISHED}
        return len(over | self.left_alone)

    @property
    def proven(self) -> int:
        """How many are proven."""
        return sum(state.outcome is RunOutcome.PROVEN for state in self.states.values())

    @property
    def as_expected(self) -> int:
        """How many proofs ended as their examples say."""
        return sum(
            state.outcome is not None and state.outcome is self.expected.get(key)
            for key, state in self.states.items()
        )

    @property
    def live(self) -> bool:
        """Whether something is still going to happen by itself."""
        return self.under_way or self.waiting > 0

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be done."""
        return not self.live and self.ended == self.total
