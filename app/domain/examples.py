"""Example tickets on their way into the service, and how far each has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.lifecycle import Transition
from app.domain.reviews import ReviewDraft
from app.domain.runs import RunKind, RunOutcome, RunStatus
from app.domain.tickets import Status, TicketDraft


@dataclass(frozen=True)
class ExampleTest:
    """A test file that is handed in with an example."""

    filename: str
    source: str


@dataclass(frozen=True)
class ExampleDraft:
    """An example to be filed, argued about, run and perhaps settled."""

    key: str
    ticket: TicketDraft
    reviews: Sequence[ReviewDraft]
    patches: Mapping[str, str]
    """Unified diffs by name."""
    expected: RunOutcome
    """How its run should end."""
    run: RunKind | None = RunKind.PROOF
    """What is run of it; None: nothing."""
    tests: Sequence[ExampleTest] = ()
    not_testable: str | None = None
    """Why no test can decide it."""
    step: Transition | None = None
    """How it is settled when its run has ended so."""
    repository: Path | None = None
    """The target it speaks of, where that comes with the examples."""
    after: str | None = None
    """The revision that its proof takes for the repaired one; None: whichever there is."""


@dataclass(frozen=True)
class ExampleState:
    """What the service knows of an example."""

    key: str
    title: str
    specialists: frozenset[str]
    """Whose reviews it has."""
    patches: frozenset[str]
    tests: frozenset[str]
    """Names of the files that were handed in."""
    standing: Status
    status: RunStatus | None
    """Of its last check or proof; None when none was asked for."""
    outcome: RunOutcome | None

    def lacks(self, example: ExampleDraft) -> bool:
        """Tell whether something is still to be done of an example that was filed."""
        if example.run is not None and self.status is not RunStatus.FINISHED:
            return True
        if example.step is None or self.standing is not Status.OPEN:
            return False
        # Where it did not end as expected, nothing settles it.
        return example.run is None or self.outcome is example.expected


@dataclass(frozen=True)
class Progress:
    """How far the examples have come."""

    examples: Mapping[str, ExampleDraft]
    """All of them, by key."""
    states: Mapping[str, ExampleState]
    """Of those that are filed, by key."""
    left_alone: frozenset[str]
    """Keys under which the service has a ticket of somebody's own."""
    problems: Mapping[str, str]
    """Why an example could not be taken, by key."""
    under_way: bool
    """They are being filed at this moment."""

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.examples)

    @property
    def filed(self) -> int:
        """How many are here."""
        return len(self.states)

    @property
    def waiting(self) -> int:
        """How many runs wait or go on."""
        return sum(s.status in (RunStatus.QUEUED, RunStatus.RUNNING) for s in self.states.values())

    @property
    def ended(self) -> int:
        """How many need nothing more."""
        over = {key for key, state in self.states.items() if not state.lacks(self.examples[key])}
        return len(over | self.left_alone)

    @property
    def proven(self) -> int:
        """How many proofs have shown what they were to show."""
        return sum(state.outcome is RunOutcome.PROVEN for state in self.states.values())

    @property
    def as_expected(self) -> int:
        """How many ended as their examples say."""
        return sum(
            self.examples[key].run is None or state.outcome is self.examples[key].expected
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
