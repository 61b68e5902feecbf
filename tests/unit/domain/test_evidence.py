"""What runs decide of a ticket's evidence, and when that is out of date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence import (
    Decision,
    Digests,
    EvidenceState,
    FinishedRun,
    Past,
    ProofBy,
    assess,
    decide,
    sentence,
)
from app.domain.runs import RunKind, RunOutcome

NOW = Digests(package="p", links="l", patches="x")
LATER = datetime(2026, 1, 2, tzinfo=UTC)


def a_run(kind: str, outcome: str, **fields: object) -> FinishedRun:
    run = FinishedRun(
        id=UUID(int=1),
        kind=RunKind(kind),
        outcome=RunOutcome(outcome),
        digests=NOW,
        covers_all_links=True,
        after_is_bundled=True,
        by=ProofBy.DEFECT if kind == "proof" else None,
        finished_at=LATER,
    )
    return replace(run, **fields)  # type: ignore[arg-type]  # fields are checked by the class


def a_decision(state: str, digests: Digests = NOW, by: ProofBy | None = None) -> Decision:
    return Decision(EvidenceState(state), UUID(int=7), RunKind.PROOF, digests, LATER, by)


def state_after(
    run: FinishedRun, previous: str | None = None, *past: tuple[str, str]
) -> str | None:
    decision = decide(
        run,
        now=NOW,
        previous=None if previous is None else a_decision(previous),
        past=[Past(EvidenceState(state), package) for state, package in past],
    )
    return None if decision is None else decision.state.value


@pytest.mark.parametrize(
    ("previous", "after"),
    [
        (None, "passing"),
        ("reproduced", "passing"),
        ("fix-ready", "passing"),
        ("regressed", "passing"),
        ("passing", "passing"),
        ("proven", "proven"),
        ("cannot-fail", "cannot-fail"),
    ],
)
def test_a_check_that_passes(previous: str | None, after: str) -> None:
    assert state_after(a_run("check", "passed"), previous) == after


@pytest.mark.parametrize("changed", ["package", "links", "patches"])
@pytest.mark.parametrize("state", ["proven", "cannot-fail"])
def test_a_check_that_passes_keeps_nothing_that_was_shown_of_something_else(
    state: str, changed: str
) -> None:
    previous = a_decision(state, replace(NOW, **{changed: "other"}))

    decision = decide(a_run("check", "passed"), now=NOW, previous=previous, past=())

    assert decision is not None and decision.state is EvidenceState.PASSING


@pytest.mark.parametrize(
    ("past", "after"),
    [
        ([], "reproduced"),
        ([("proven", "old")], "regressed"),
        ([("passing", "old")], "regressed"),
        ([("reproduced", "older"), ("proven", "old"), ("reproduced", "p")], "regressed"),
        # At the same package it never held: the tests changed, or they flip.
        ([("proven", "p")], "reproduced"),
        ([("passing", "p")], "reproduced"),
        ([("reproduced", "old"), ("cannot-fail", "old"), ("fix-ready", "old")], "reproduced"),
    ],
)
def test_a_check_that_fails(past: list[tuple[str, str]], after: str) -> None:
    assert state_after(a_run("check", "failed"), None, *past) == after


@pytest.mark.parametrize(
    ("outcome", "after_is_bundled", "after"),
    [
        ("proven", True, "proven"),
        ("proven", False, "fix-ready"),
        ("cannot-fail", True, "cannot-fail"),
        ("cannot-fail", False, "cannot-fail"),
        ("not-fixed", True, "reproduced"),
        ("not-fixed", False, None),
        ("breaks-others", True, None),
        ("inconclusive", True, None),
        ("error", True, None),
        ("timed-out", True, None),
    ],
)
def test_a_proof(outcome: str, after_is_bundled: bool, after: str | None) -> None:
    run = a_run("proof", outcome, after_is_bundled=after_is_bundled)

    assert state_after(run, "passing") == after


@pytest.mark.parametrize("outcome", ["inconclusive", "error", "timed-out"])
def test_a_check_without_an_answer_decides_nothing(outcome: str) -> None:
    assert state_after(a_run("check", outcome), "proven") is None


@pytest.mark.parametrize("outcome", ["passed", "failed", "proven", "cannot-fail", "not-fixed"])
def test_a_run_over_some_of_the_tests_decides_nothing(outcome: str) -> None:
    kind = "check" if outcome in ("passed", "failed") else "proof"

    assert state_after(a_run(kind, outcome, covers_all_links=False)) is None


@pytest.mark.parametrize("changed", ["package", "links", "patches"])
def test_a_run_of_what_is_no_longer_in_force_decides_nothing(changed: str) -> None:
    run = a_run("proof", "proven", digests=replace(NOW, **{changed: "old"}))

    assert state_after(run) is None


def test_a_check_that_keeps_proven_keeps_how_it_was_proven() -> None:
    previous = a_decision("proven", by=ProofBy.DEFECT)

    decision = decide(a_run("check", "passed"), now=NOW, previous=previous, past=())

    assert decision is not None
    assert (decision.by, decision.run) == (ProofBy.DEFECT, UUID(int=1))


@given(
    kind=st.sampled_from(RunKind),
    outcome=st.sampled_from(RunOutcome),
    covers=st.booleans(),
    bundled=st.booleans(),
    previous=st.none() | st.sampled_from(EvidenceState),
    past=st.lists(st.tuples(st.sampled_from(EvidenceState), st.sampled_from("pq"))),
)
def test_every_run_decides_something_or_nothing(
    kind: RunKind,
    outcome: RunOutcome,
    covers: bool,
    bundled: bool,
    previous: EvidenceState | None,
    past: list[tuple[EvidenceState, str]],
) -> None:
    run = a_run(kind, outcome, covers_all_links=covers, after_is_bundled=bundled)

    found = state_after(run, previous, *past)

    assert found not in ("not-covered", "none", "unverified")
    assert covers or found is None


@pytest.mark.parametrize(
    ("covered", "linked", "decided", "now", "shown"),
    [
        (False, 0, None, None, ("not-covered", False)),
        (False, 0, None, NOW, ("not-covered", False)),
        (True, 0, None, NOW, ("none", False)),
        (True, 0, "proven", NOW, ("none", False)),
        (True, 1, None, NOW, ("unverified", False)),
        (False, 1, None, NOW, ("unverified", False)),
        (True, 1, "proven", NOW, ("proven", False)),
        (True, 1, "proven", replace(NOW, package="new"), ("proven", True)),
        (True, 1, "proven", replace(NOW, links="new"), ("proven", True)),
        (True, 1, "proven", replace(NOW, patches="new"), ("proven", True)),
        (True, 1, "reproduced", replace(NOW, package="new"), ("reproduced", True)),
    ],
)
def test_what_is_shown(
    covered: bool, linked: int, decided: str | None, now: Digests | None, shown: tuple[str, bool]
) -> None:
    decision = None if decided is None else a_decision(decided)

    state, stale = assess(covered=covered, linked=linked, decision=decision, now=now)

    assert (state.value, stale) == shown


@pytest.mark.parametrize("state", EvidenceState)
def test_every_state_is_said_in_words(state: EvidenceState) -> None:
    fresh, stale = sentence(state, stale=False), sentence(state, stale=True)

    assert fresh.endswith(".")
    assert stale.startswith(fresh) and "run it again" in stale


def test_a_refuted_finding_is_said_to_be_absent() -> None:
    assert sentence(EvidenceState.PROVEN, stale=False, by=ProofBy.DEFECT) == (
        "The defect is absent here, and the tests catch it when it is planted."
    )
