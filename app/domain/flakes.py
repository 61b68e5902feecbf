"""Tests that end one way and then the other, though nothing has changed.

A *flip* is a change between passed and failed of one test on one package, unchanged, in one
environment and in the same company: alone, or in one process with the same tests in the same order.
Every run counts, whoever asked for it and of whichever ticket. What met a deadline does not.

That a flaky test agrees with itself for a while shows little: by the rule of three, a failure of
rate *r* stays unseen with 5 % probability in 3 / r repeats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.domain.catalogue import fold
from app.domain.runs import ArmResult, TestMode, TestOutcome, TestResult

LEAST_AGREEING = 30
"""So many repeats must agree at least before a flaky test is believed again."""

MOST_COMPANIES = 8
"""Of no more companies the last ending is kept."""

ALONE = "alone"

Ending = tuple[str, bool]
"""In which company a repeat ran, and whether it passed."""


@dataclass(frozen=True)
class Tally:
    """How a test has ended so far on one package, unchanged and in one environment."""

    passes: int = 0
    failures: int = 0
    flips: int = 0
    since_flip: int = 0
    """Repeats after the one that flipped last."""
    flipped_in: UUID | None = None
    """The run that saw the last flip."""
    bundled: bool = False
    """The package shipped at some time, without a patch."""
    last: Mapping[str, bool] = field(default_factory=dict)
    """How it ended last, by company."""

    @property
    def needed(self) -> int:
        """How many repeats since the last flip must agree: more than this."""
        rate = min(self.passes, self.failures) / max(1, self.passes + self.failures)
        return max(LEAST_AGREEING, math.ceil(3 / rate) if rate else LEAST_AGREEING)

    @property
    def flaky(self) -> bool:
        """Tell whether the test is not to be believed."""
        return self.flips > 0 and self.since_flip <= self.needed


@dataclass(frozen=True)
class FlakyTest:
    """A linked test that is not to be believed, with its figures."""

    node_id: str
    passes: int
    failures: int
    flips: int
    since_flip: int
    needed: int
    flipped_in: UUID | None = None

    @classmethod
    def of(cls, node_id: str, tally: Tally) -> FlakyTest:
        """Return a test with the figures of its tally."""
        return cls(
            node_id,
            tally.passes,
            tally.failures,
            tally.flips,
            tally.since_flip,
            tally.needed,
            tally.flipped_in,
        )

    def figures(self) -> dict[str, Any]:
        """Return what is shown of it."""
        names = ("node_id", "passes", "failures", "flips", "since_flip", "needed")
        return {name: getattr(self, name) for name in names}


def observe(tally: Tally, endings: Iterable[Ending], run: UUID, *, bundled: bool = False) -> Tally:
    """Return `tally` with what a run saw, in the order in which it ended."""
    last = dict(tally.last)
    passes, failures, flips, since = (tally.passes, tally.failures, tally.flips, tally.since_flip)
    flipped_in = tally.flipped_in
    for company, passed in endings:
        passes, failures = passes + passed, failures + (not passed)
        if last.pop(company, passed) is not passed:
            flips, since, flipped_in = flips + 1, 0, run
        else:
            since += 1
        last[company] = passed
    kept = dict(list(last.items())[-MOST_COMPANIES:])
    return Tally(passes, failures, flips, since, flipped_in, tally.bundled or bundled, kept)


def endings(arm: ArmResult, linked: Sequence[str]) -> dict[str, list[Ending]]:
    """Return by test how it ended on an arm, where that can be compared with other runs.

    Linked tests in each company; the others only alone, for the rest of the suite is another
    company in each ticket's runs.
    """
    mine = frozenset(linked)
    together = fold(linked)[:16]
    found: dict[str, list[Ending]] = {}
    for result in arm.results:
        ending = _ended(result)
        if ending is None:
            continue
        if result.mode is TestMode.ALONE:
            found.setdefault(result.node_id, []).append((ALONE, ending))
        elif result.node_id in mine:
            company = f"{result.mode.value} {together}"
            found.setdefault(result.node_id, []).append((company, ending))
    return found


def changes_nothing(tally: Tally, seen: Iterable[Ending]) -> bool:
    """Tell whether what was seen of another test need not be written down: it always passes."""
    steady = tally.flips == 0 and tally.failures == 0 and tally.last.get(ALONE) is True
    return steady and all(passed for _, passed in seen)


def flaky_tests(found: Iterable[tuple[str, Tally]]) -> tuple[FlakyTest, ...]:
    """Return the tests that are not to be believed, each once, with the worst of its figures."""
    worst: dict[str, FlakyTest] = {}
    for node_id, tally in found:
        if tally.flaky:
            test = FlakyTest.of(node_id, tally)
            if node_id not in worst or worst[node_id].flips < test.flips:
                worst[node_id] = test
    return tuple(worst[node_id] for node_id in sorted(worst))


def _ended(result: TestResult) -> bool | None:
    if result.outcome is TestOutcome.PASSED:
        return True
    failed = result.outcome is TestOutcome.FAILED or result.demonstrates_failure
    return False if failed else None
