"""Sweeps: what was shown once is looked at again when what is in force changes. Pure rules.

One arm runs all linked tests once. A test that does not end as it is known to runs twice more in
fresh processes. What it then amounts to, and what follows for its ticket, stands in `judge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.causes import Cause
from app.domain.evidence import EvidenceState
from app.domain.readings import place_of
from app.domain.runs import TestOutcome, TestResult
from app.domain.tickets import Resolution

ACTOR = "sweep"
"""Name of the account in whose name sweeps run tests and reopen tickets."""

TRIES = 3
"""So often a test runs before its failure counts."""
CONFIRMED = 7
"""So often it has failed before a ticket is opened again: a coin falls alike three times of eight
too often, and to run it in a few more forks costs nothing."""


class SweepStatus(StrEnum):
    """Where a sweep stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    """What it was to look at is not there any more."""


class SweepVerdict(StrEnum):
    """What a sweep says of a ticket."""

    HELD = "held"
    """Its tests end as they are known to."""
    REGRESSED = "regressed"
    """A test that passed fails three times of three, in the same way."""
    FLAKY = "flaky"
    """A test fails sometimes."""
    INFRASTRUCTURE = "infrastructure"
    """A test could not be run, or met its deadline: tried again by the next sweep."""
    NOT_APPLICABLE = "not-applicable"
    """What was looked at does not follow what the ticket was fixed in."""
    REPAIRED = "repaired"
    """The defect was there, and the tests pass three times of three."""
    HELD_BY_DECISION = "held-by-decision"
    """A maintainer has closed it at this very package."""


class Ending(StrEnum):
    """How one execution of a test counts."""

    PASSED = "passed"
    FAILED = "failed"
    NOTHING = "nothing"
    """It shows nothing."""


@dataclass(frozen=True)
class Attempt:
    """One execution of a test."""

    ending: Ending
    signature: str | None = None
    """What makes two failures the same."""
    reason: str = ""
    """Where it failed, or why it shows nothing."""


class Expected(StrEnum):
    """How a ticket's tests are known to end."""

    PASS = "pass"  # noqa: S105  # how a test ends
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Standing:
    """What is known of a ticket."""

    expected: Expected
    is_final: bool = False
    resolution: Resolution | None = None
    follows: bool = True
    """What is looked at comes after what the ticket was fixed in."""
    in_force: bool = True
    """What is looked at is what is in force."""
    decided: bool = False
    """A maintainer has closed it at this package, or since the sweep began."""
    flips: frozenset[str] = frozenset()
    """Tests that are known to flip: what they say once more is not believed."""

    @property
    def reopens(self) -> bool:
        """Evidence may open it again: it is closed as fixed, or as fixed before."""
        return self.is_final and self.resolution in (Resolution.FIXED, Resolution.ALREADY_FIXED)


@dataclass(frozen=True)
class Judgement:
    """What a sweep says of a ticket, and why."""

    verdict: SweepVerdict
    reason: str = ""
    reopens: bool = False
    signature: str | None = None


@dataclass(frozen=True)
class Sweep:
    """A look at all tickets of a target."""

    id: UUID
    target: str
    revision: str | None
    """The commit that is looked at; a folder has none."""
    package_digest: str
    suite_digest: str
    previous: str | None
    """What was in force before: a commit, or the digest of a folder's package."""
    automatic: bool
    requested_by: str | None
    status: SweepStatus
    reason: str | None
    attempt: int
    tickets: int
    tests: int
    counts: Mapping[str, int]
    """Tickets by verdict."""
    reopened: int
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class SweepItem:
    """What a sweep says of one ticket."""

    seq: int
    ticket: str
    verdict: SweepVerdict
    reason: str
    reopened: bool
    signature: str | None
    run: UUID | None
    """The run that holds the results, where something changed."""
    at: datetime


@dataclass(frozen=True)
class Reopened:
    """A ticket that evidence has opened again."""

    ticket: str
    title: str
    severity: str
    sweep: UUID
    run: UUID | None
    revision: str | None
    at: datetime


def expected(
    state: EvidenceState | None, *, is_final: bool, resolution: Resolution | None
) -> Expected:
    """Return how a ticket's tests are known to end, by its status and what was decided last."""
    if Standing(Expected.PASS, is_final, resolution).reopens:
        return Expected.PASS
    match state:
        case EvidenceState.PROVEN | EvidenceState.PASSING | EvidenceState.CANNOT_FAIL:
            return Expected.PASS
        case EvidenceState.REPRODUCED | EvidenceState.FIX_READY | EvidenceState.REGRESSED:
            return Expected.FAIL
        case _:
            return Expected.UNKNOWN


def attempt_of(result: TestResult) -> Attempt:
    """Return how one result counts."""
    if result.outcome is TestOutcome.PASSED:
        return Attempt(Ending.PASSED)
    if result.demonstrates_failure and result.cause not in (Cause.ENVIRONMENT, Cause.TEST):
        place = place_of(result)
        said = (result.message or "").strip().splitlines()
        told = f"{place}: {said[0][:200]}" if place and said else place or (said or [""])[0][:200]
        return Attempt(Ending.FAILED, result.signature, told)
    phase = f" in {result.phase}" if result.phase else ""
    return Attempt(Ending.NOTHING, reason=f"{result.outcome.value}{phase}")


def attempts_of(
    node_ids: Iterable[str], results: Iterable[TestResult]
) -> dict[str, tuple[Attempt, ...]]:
    """Return the executions of each test, in order; one that never ran has none."""
    found: dict[str, list[Attempt]] = {node_id: [] for node_id in node_ids}
    for result in sorted(results, key=lambda one: one.repeat):
        if result.node_id in found:
            found[result.node_id].append(attempt_of(result))
    return {node_id: tuple(some) for node_id, some in found.items()}


def wants_more(known: Expected, attempts: Mapping[str, Sequence[Attempt]]) -> bool:
    """Tell whether a ticket's tests have to run again after the first time."""
    endings = {one.ending for some in attempts.values() for one in some}
    if known is Expected.PASS:
        return Ending.FAILED in endings
    if known is Expected.FAIL:
        return bool(attempts) and all(attempts.values()) and endings == {Ending.PASSED}
    return False


def judge(standing: Standing, attempts: Mapping[str, Sequence[Attempt]]) -> Judgement:
    """Return what the executions of a ticket's tests amount to."""
    if standing.expected is Expected.PASS:
        return _judge_passing(standing, attempts)
    shows_nothing = _nothing(attempts)
    if standing.expected is Expected.FAIL:
        failing = _with(attempts, Ending.FAILED)
        if not failing and not shows_nothing:
            return _repaired(standing, attempts)
        if failing and _with(attempts, Ending.PASSED).keys() & failing.keys():
            return Judgement(SweepVerdict.FLAKY, _failures(failing))
        if failing:
            return Judgement(SweepVerdict.HELD, "The defect is there still.")
    if shows_nothing:
        return Judgement(SweepVerdict.INFRASTRUCTURE, shows_nothing)
    return Judgement(SweepVerdict.HELD, "Nothing was known, and a sweep decides nothing.")


def _judge_passing(standing: Standing, attempts: Mapping[str, Sequence[Attempt]]) -> Judgement:
    failing = _with(attempts, Ending.FAILED)
    if not failing:
        shows_nothing = _nothing(attempts)
        if shows_nothing:
            return Judgement(SweepVerdict.INFRASTRUCTURE, shows_nothing)
        return Judgement(SweepVerdict.HELD)
    told = _failures(failing)
    firm = {
        node_id: some
        for node_id, some in failing.items()
        if _is_firm(some) and node_id not in standing.flips
    }
    if not firm:
        if any(len(some) < TRIES for some in failing.values()):
            return Judgement(
                SweepVerdict.HELD_BY_DECISION if standing.reopens else SweepVerdict.HELD,
                f"It was decided otherwise while the sweep ran. {told}",
            )
        if any(one.ending is Ending.NOTHING for some in failing.values() for one in some):
            return Judgement(SweepVerdict.INFRASTRUCTURE, _nothing(failing) or told)
    if not standing.follows:
        return Judgement(
            SweepVerdict.NOT_APPLICABLE,
            f"What was looked at does not follow what the ticket was fixed in. {told}",
        )
    if not firm:
        known = " It is known to flip." if standing.flips & failing.keys() else ""
        return Judgement(SweepVerdict.FLAKY, f"{told}{known}")
    some = next(iter(firm.values()))
    if standing.reopens and standing.decided:
        return Judgement(
            SweepVerdict.HELD_BY_DECISION,
            "A maintainer closed it at this very package, and that counts for more. "
            f"{_failures(firm)}",
            signature=some[0].signature,
        )
    return Judgement(
        SweepVerdict.REGRESSED,
        _failures(firm),
        reopens=standing.reopens,
        signature=some[0].signature,
    )


def _repaired(standing: Standing, attempts: Mapping[str, Sequence[Attempt]]) -> Judgement:
    steady = all(len(some) >= TRIES for some in attempts.values())
    if standing.is_final or not standing.in_force or not steady:
        return Judgement(SweepVerdict.HELD, "Its tests pass.")
    return Judgement(
        SweepVerdict.REPAIRED,
        f"Its tests failed before and pass {TRIES} times of {TRIES}: it may be closed as "
        "already-fixed.",
    )


def _is_firm(attempts: Sequence[Attempt]) -> bool:
    same = {one.signature for one in attempts}
    return (
        len(attempts) >= TRIES
        and all(one.ending is Ending.FAILED for one in attempts)
        and len(same) == 1
    )


def _with(
    attempts: Mapping[str, Sequence[Attempt]], ending: Ending
) -> dict[str, Sequence[Attempt]]:
    return {
        node_id: some
        for node_id, some in attempts.items()
        if any(one.ending is ending for one in some)
    }


def _nothing(attempts: Mapping[str, Sequence[Attempt]]) -> str | None:
    """Return why a test shows nothing; None: all of them show something."""
    if not attempts:
        return "No linked test is in the suite."
    for node_id, some in attempts.items():
        if not some:
            return f"{node_id} did not run."
        for one in some:
            if one.ending is Ending.NOTHING:
                return f"{node_id}: {one.reason}"
    return None


def _failures(failing: Mapping[str, Sequence[Attempt]]) -> str:
    node_id, some = next(iter(failing.items()))
    failed = [one for one in some if one.ending is Ending.FAILED]
    more = f" And {len(failing) - 1} more tests." if len(failing) > 1 else ""
    at = f" ({failed[0].reason})" if failed[0].reason else ""
    return f"{node_id} fails {len(failed)} times of {len(some)}{at}.{more}"
