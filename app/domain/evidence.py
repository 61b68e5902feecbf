"""Evidence: what runs have shown of a ticket, and whether it still holds.

A run *decides* evidence only when it covered all linked tests and its digests are those now in
force. What was decided becomes *stale* when the package, the files of the linked tests, the patches
or the environment change afterwards, and when the rules do. Any run of a linked test at the digests
in force may take evidence away: by contradicting it, or by showing that a test is flaky.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from app.domain.flakes import FlakyTest
from app.domain.runs import Authors, RunKind, RunOutcome

RULES = 2
"""The edition of the rules by which runs are judged; what an earlier one decided is stale."""


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

    @property
    def meaning(self) -> str:
        """What is known, in the words of every face."""
        return _MEANINGS[self]


_MEANINGS = {
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


@dataclass(frozen=True)
class Digests:
    """What a decision rests on."""

    package: str
    links: str
    """Linked tests with purposes, and the digests of their files."""
    patches: str
    """Names and digests of the ticket's patches."""
    uses: str = ""
    """Test files that the linked tests import; their own, and all other files of the suite, count
    among the links."""


@dataclass(frozen=True)
class InForce:
    """What holds now."""

    digests: Digests
    environments: Collection[str] = ()
    """Of the workers that live; none is known while no worker does."""

    def has(self, environment: str | None) -> bool:
        """Tell whether results of `environment` speak of what runs would find now."""
        return not self.environments or environment in self.environments


class StaleReason(StrEnum):
    """What changed since evidence was decided."""

    RULES = "rules changed"
    PACKAGE = "package changed"
    TESTS = "tests changed"
    PATCHES = "patches changed"
    ENVIRONMENT = "environment changed"


class ProofBy(StrEnum):
    """Which kind of patch made the defective arm."""

    FIX = "fix"
    DEFECT = "defect"
    HISTORY = "history"


@dataclass(frozen=True)
class Decision:
    """What one run decided."""

    state: EvidenceState
    run: UUID
    kind: RunKind
    digests: Digests
    decided_at: datetime
    by: ProofBy | None = None
    rules: int = RULES
    environment: str | None = None
    """Digest of the environment that it ran in."""
    packages: tuple[str, ...] = ()
    """Digests of the packages of its arms."""
    uses: tuple[str, ...] = ()
    """Test files that the linked tests import, beside their own."""
    authors: Authors | None = None
    without_assertion: bool = False
    contradicted_by: UUID | None = None
    """A later run of the very same that ended otherwise."""
    revision: str | None = None
    """The commit that it was decided of: the one after of a proof from history, or that in force;
    a folder has none."""


@dataclass(frozen=True)
class FinishedRun:
    """The facts of a finished run that evidence depends on."""

    id: UUID
    kind: RunKind
    outcome: RunOutcome
    digests: Digests
    covers_all_links: bool
    after_is_bundled: bool
    """The arm after, or one beside it, held what was in force."""
    by: ProofBy | None
    finished_at: datetime
    environment: str | None = None
    packages: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    authors: Authors | None = None
    without_assertion: bool = False
    regressed: bool = False
    """A test that failed now for a cause that shows a defect passed before, unchanged and in the
    same environment, on another package that shipped."""
    revision: str | None = None
    """The commit that it is about; a folder has none."""
    bundled_failed: bool = False
    """A linked test failed on the package as it ships, for a cause that shows a defect."""


@dataclass(frozen=True)
class Shown:
    """How evidence is shown."""

    state: EvidenceState
    stale: bool = False
    stale_reason: StaleReason | None = None
    flaky: tuple[FlakyTest, ...] = ()
    contradicted_by: UUID | None = None

    def in_words(self) -> str:
        """Return it as the history tells it."""
        beside = [
            word for word, is_so in (("stale", self.stale), ("flaky", bool(self.flaky))) if is_so
        ]
        return f"{self.state.value} ({', '.join(beside)})" if beside else self.state.value


@dataclass(frozen=True)
class ClosedWithout:
    """Who let a ticket be closed as fixed without evidence, and why."""

    by: str
    reason: str | None


@dataclass(frozen=True)
class Swept:
    """What the newest sweep of what is in force said of a ticket. It decides no evidence."""

    sweep: UUID
    verdict: str
    at: datetime


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
    by: ProofBy | None = None
    stale_reason: str | None = None
    flaky: bool = False
    flips: tuple[Mapping[str, Any], ...] = ()
    """Figures of the tests that flip."""
    contradicted_by: UUID | None = None
    authors: Authors | None = None
    introduced_in: str | None = None
    """The commit that brought the defect in, as a bisection with today's tests has found."""
    fixed_in: str | None = None
    """The commit that took it away."""
    swept: Swept | None = None


def decide(run: FinishedRun, *, now: InForce, previous: Decision | None) -> Decision | None:
    """Return what `run` decides, or None when evidence stays as it is.

    Args:
        run: the run that finished.
        now: what is in force at this moment.
        previous: the decision that stands.
    """
    if run.digests != now.digests or not now.has(run.environment):
        return None
    if previous is not None and _contradicts(run, previous):
        return replace(previous, contradicted_by=run.id)
    if not run.covers_all_links:
        return None
    state = _state_after(run, previous)
    if state is None:
        return None
    kept = previous if previous is not None and previous.state is state else None
    is_proof = run.kind is RunKind.PROOF
    decision = Decision(
        state=state,
        run=run.id,
        kind=run.kind,
        digests=run.digests,
        decided_at=run.finished_at,
        by=run.by,
        environment=run.environment,
        packages=run.packages,
        uses=run.uses,
        authors=run.authors,
        without_assertion=run.without_assertion,
        revision=run.revision,
    )
    if is_proof or kept is None:
        return decision
    # A check that keeps what a proof has shown keeps how it was shown.
    return replace(
        decision,
        by=kept.by,
        packages=tuple(dict.fromkeys((*run.packages, *kept.packages))),
        authors=kept.authors,
        without_assertion=kept.without_assertion,
    )


def _holds_of(run: FinishedRun, previous: Decision | None) -> bool:
    """Tell whether `previous` was decided of the very same that `run` executed."""
    return (
        previous is not None
        and previous.rules == RULES
        and previous.digests == run.digests
        and previous.environment == run.environment
    )


def _contradicts(run: FinishedRun, previous: Decision) -> bool:
    passes = previous.state in (EvidenceState.PROVEN, EvidenceState.PASSING)
    return passes and run.bundled_failed and _holds_of(run, previous)


def _state_after(run: FinishedRun, previous: Decision | None) -> EvidenceState | None:
    match run.outcome:
        case RunOutcome.PASSED:
            keeps = (EvidenceState.PROVEN, EvidenceState.CANNOT_FAIL)
            return _kept(run, previous, keeps) or EvidenceState.PASSING
        case RunOutcome.FAILED:
            # That the bundled package fails is part of what fix-ready says.
            kept = _kept(run, previous, (EvidenceState.FIX_READY,))
            failing = EvidenceState.REGRESSED if run.regressed else EvidenceState.REPRODUCED
            return kept or failing
        case RunOutcome.PROVEN:
            if run.by is ProofBy.HISTORY and run.bundled_failed:
                return EvidenceState.REGRESSED
            return EvidenceState.PROVEN if run.after_is_bundled else EvidenceState.FIX_READY
        case RunOutcome.CANNOT_FAIL:
            if run.by is ProofBy.HISTORY:
                # Which revisions were chosen says nothing of the tests.
                return EvidenceState.REPRODUCED if run.bundled_failed else None
            return EvidenceState.CANNOT_FAIL
        case RunOutcome.NOT_FIXED:
            fails_now = run.after_is_bundled and (
                run.by is not ProofBy.HISTORY or run.bundled_failed
            )
            return EvidenceState.REPRODUCED if fails_now else None
        case (
            RunOutcome.BREAKS_OTHERS
            | RunOutcome.MEASURED
            | RunOutcome.BISECTED
            | RunOutcome.MINIMISED
            | RunOutcome.INCONCLUSIVE
            | RunOutcome.ERROR
            | RunOutcome.TIMED_OUT
        ):
            return None
        case _:
            assert_never(run.outcome)


def _kept(
    run: FinishedRun, previous: Decision | None, states: Collection[EvidenceState]
) -> EvidenceState | None:
    if previous is None or previous.state not in states or not _holds_of(run, previous):
        return None
    return None if previous.contradicted_by is not None else previous.state


def assess(
    *,
    covered: bool,
    linked: int,
    decision: Decision | None,
    now: InForce | None,
    flaky: Sequence[FlakyTest] = (),
) -> Shown:
    """Return how evidence is to be shown.

    Args:
        covered: a target covers one of the ticket's domains.
        linked: how many tests are linked. A linked test outweighs a domain no target covers.
        decision: the decision that stands, if any.
        now: what is in force; None when the ticket has nothing to compare.
        flaky: linked tests that flip at the digests in force.
    """
    if linked == 0:
        return Shown(EvidenceState.NONE if covered else EvidenceState.NOT_COVERED)
    by = decision.contradicted_by if decision is not None else None
    if decision is None:
        return Shown(EvidenceState.UNVERIFIED, flaky=tuple(flaky), contradicted_by=_seen_in(flaky))
    reason = stale_reason(decision, now)
    if flaky or by is not None:
        return Shown(
            EvidenceState.UNVERIFIED,
            reason is not None,
            reason,
            flaky=tuple(flaky),
            contradicted_by=by or _seen_in(flaky),
        )
    return Shown(decision.state, reason is not None, reason)


def stale_reason(decision: Decision, now: InForce | None) -> StaleReason | None:
    """Return what changed since `decision`; None while it holds."""
    if decision.rules != RULES:
        return StaleReason.RULES
    if now is None or decision.digests.package != now.digests.package:
        return StaleReason.PACKAGE
    mine, current = decision.digests, now.digests
    if (mine.links, mine.uses) != (current.links, current.uses):
        return StaleReason.TESTS
    if mine.patches != current.patches:
        return StaleReason.PATCHES
    return None if now.has(decision.environment) else StaleReason.ENVIRONMENT


def _seen_in(flaky: Iterable[FlakyTest]) -> UUID | None:
    return next((test.flipped_in for test in flaky if test.flipped_in is not None), None)


def sentence(
    state: EvidenceState,
    *,
    stale: bool,
    by: ProofBy | None = None,
    stale_reason: str | None = None,
    flaky: Sequence[Mapping[str, Any]] = (),
    contradicted: bool = False,
    decision: Decision | None = None,
    swept: Swept | None = None,
) -> str:
    """Say in plain words what is known."""
    text = state.meaning
    if state is EvidenceState.PROVEN and by is ProofBy.DEFECT:
        text = "The defect is absent here, and the tests catch it when it is planted."
    elif state is EvidenceState.PROVEN and by is ProofBy.HISTORY:
        text = (
            "The tests fail before the commit that repaired it and pass after it and on what is in "
            "force: history proves it."
        )
    if flaky:
        text = " ".join(_flips(one) for one in flaky)
    elif contradicted:
        text = "A later run of the very same ended otherwise, so nothing is known."
    proves = (EvidenceState.PROVEN, EvidenceState.FIX_READY)
    if decision is not None and state in proves:
        if decision.without_assertion:
            text += " It is proven, but no assertion failed."
        if decision.authors is not None and decision.authors.same:
            text += " Patch and tests are of one account."
    if stale_reason == StaleReason.RULES:
        text += " An earlier edition's rules decided that (rules changed): run it again."
    elif stale_reason == StaleReason.ENVIRONMENT:
        text += " That was in another environment: run it again."
    elif stale:
        text += " That was before the package, a test or a patch changed: run it again."
    if stale and swept is not None and swept.verdict == "held":
        text += " A sweep of what is in force has seen its tests end as they did."
    return text


def _flips(figures: Mapping[str, Any]) -> str:
    return (
        f"{figures['node_id']} is flaky: of {figures['passes'] + figures['failures']} repeats on "
        f"one package it failed {figures['failures']} and changed sides {figures['flips']} times; "
        f"the last {figures['since_flip']} agree, of {figures['needed']} that are needed."
    )
