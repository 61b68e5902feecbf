"""Evidence: what runs have shown of a ticket, and whether it still holds.

A run *decides* evidence only when it covered all linked tests and its digests are those now in
force. What was decided becomes *stale* when the package, the files of the linked tests or the
patches change afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from app.domain.runs import RunKind, RunOutcome


class EvidenceState(StrEnum):
    """What is known of a ticket's claim by running it."""

    NOT_COVERED = "not-covered"
    NONE = "none"
    UNVERIFIED = "unverified"
    REPRODUCED = "reproduced"
    FIX_READY = "fix-ready"
    PASSING = "passing"
    CANNOT_FAIL = "cannot-fail"
    PROVEN = "proven"
    REGRESSED = "regressed"


@dataclass(frozen=True)
class Digests:
    """What a decision rests on."""

    package: str
    links: str
    """Linked tests with purposes, and the digests of their files."""
    patches: str
    """Names and digests of the ticket's patches."""


class ProofBy(StrEnum):
    """Which kind of patch made the defective arm."""

    FIX = "fix"
    DEFECT = "defect"


@dataclass(frozen=True)
class Decision:
    """What one run decided."""

    state: EvidenceState
    run: UUID
    kind: RunKind
    digests: Digests
    decided_at: datetime
    by: ProofBy | None = None


@dataclass(frozen=True)
class FinishedRun:
    """The facts of a finished run that evidence depends on."""

    id: UUID
    kind: RunKind
    outcome: RunOutcome
    digests: Digests
    covers_all_links: bool
    after_is_bundled: bool
    by: ProofBy | None
    finished_at: datetime


@dataclass(frozen=True)
class Past:
    """An earlier decision of the same ticket."""

    state: EvidenceState
    package_digest: str


@dataclass(frozen=True)
class ClosedWithout:
    """Who let a ticket be closed as fixed without evidence, and why."""

    by: str
    reason: str | None


@dataclass(frozen=True)
class Evidence:
    """Evidence as a ticket shows it."""

    state: EvidenceState = EvidenceState.NONE
    stale: bool = False
    sentence: str = ""
    run: UUID | None = None
    kind: RunKind | None = None
    package_digest: str | None = None
    decided_at: datetime | None = None
    last_attempt: Mapping[str, Any] | None = None
    """``{run, kind, outcome, reason, at}`` of the newest run, when it is not the deciding one."""
    closed_without: ClosedWithout | None = None
    """The ticket was closed as fixed by a waiver, or by overriding what evidence asks for."""


def decide(
    run: FinishedRun, *, now: Digests, previous: Decision | None, past: Iterable[Past]
) -> Decision | None:
    """Return what `run` decides, or None when evidence stays as it is.

    Args:
        run: the run that finished.
        now: the digests in force at this moment.
        previous: the decision that stands.
        past: all earlier decisions, to tell a regression from a first reproduction.
    """
    if not run.covers_all_links or run.digests != now:
        return None
    state = _state_after(run, previous, past)
    if state is None:
        return None
    by = run.by if run.kind is RunKind.PROOF else None
    if by is None and previous is not None and previous.state is state:
        by = previous.by
    return Decision(
        state=state,
        run=run.id,
        kind=run.kind,
        digests=run.digests,
        decided_at=run.finished_at,
        by=by,
    )


def _state_after(
    run: FinishedRun, previous: Decision | None, past: Iterable[Past]
) -> EvidenceState | None:
    match run.outcome:
        case RunOutcome.PASSED:
            return _after_pass(run, previous)
        case RunOutcome.FAILED:
            held = (EvidenceState.PROVEN, EvidenceState.PASSING)
            regressed = any(
                p.state in held and p.package_digest != run.digests.package for p in past
            )
            return EvidenceState.REGRESSED if regressed else EvidenceState.REPRODUCED
        case RunOutcome.PROVEN:
            return EvidenceState.PROVEN if run.after_is_bundled else EvidenceState.FIX_READY
        case RunOutcome.CANNOT_FAIL:
            return EvidenceState.CANNOT_FAIL
        case RunOutcome.NOT_FIXED:
            return EvidenceState.REPRODUCED if run.after_is_bundled else None
        case (
            RunOutcome.BREAKS_OTHERS
            | RunOutcome.INCONCLUSIVE
            | RunOutcome.ERROR
            | RunOutcome.TIMED_OUT
        ):
            return None
        case _:
            assert_never(run.outcome)


def _after_pass(run: FinishedRun, previous: Decision | None) -> EvidenceState:
    keeps = (EvidenceState.PROVEN, EvidenceState.CANNOT_FAIL)
    if previous is not None and previous.state in keeps and previous.digests == run.digests:
        return previous.state
    return EvidenceState.PASSING


def assess(
    *, covered: bool, linked: int, decision: Decision | None, now: Digests | None
) -> tuple[EvidenceState, bool]:
    """Return the state to show and whether it is stale.

    Args:
        covered: a target covers one of the ticket's domains.
        linked: how many tests are linked. A linked test outweighs a domain no target covers.
        decision: the decision that stands, if any.
        now: digests in force; None when the ticket has nothing to compare.
    """
    if linked == 0:
        return (EvidenceState.NONE if covered else EvidenceState.NOT_COVERED), False
    if decision is None:
        return EvidenceState.UNVERIFIED, False
    return decision.state, decision.digests != now


def sentence(state: EvidenceState, *, stale: bool, by: ProofBy | None = None) -> str:
    """Say in plain words what is known."""
    text = _SENTENCES[state]
    if state is EvidenceState.PROVEN and by is ProofBy.DEFECT:
        text = "The defect is absent here, and the tests catch it when it is planted."
    if stale:
        text += " That was before the package, a test or a patch changed: run it again."
    return text


_SENTENCES = {
    EvidenceState.NOT_COVERED: "No target covers this ticket's domains, so nothing can be run.",
    EvidenceState.NONE: "No test is linked yet, so nothing has been run.",
    EvidenceState.UNVERIFIED: "Tests are linked, but no run has decided anything yet.",
    EvidenceState.REPRODUCED: "The tests fail on the bundled package: the defect is there.",
    EvidenceState.FIX_READY: (
        "The tests fail on the bundled package, and the fix patch makes them pass."
    ),
    EvidenceState.PASSING: (
        "The tests pass on the bundled package, but nothing shows yet that they can fail."
    ),
    EvidenceState.CANNOT_FAIL: (
        "A linked test passes on the defective package too, so its passing shows nothing."
    ),
    EvidenceState.PROVEN: (
        "The tests fail on the package without the fix and pass on the bundled one."
    ),
    EvidenceState.REGRESSED: (
        "The tests passed on an earlier package and fail on the bundled one: the defect is back."
    ),
}
