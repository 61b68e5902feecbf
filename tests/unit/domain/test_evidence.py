"""What runs decide of a ticket's evidence, and when that is out of date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence import (
    Decision,
    Digests,
    EvidenceState,
    FinishedRun,
    InForce,
    ProofBy,
    assess,
    decide,
    sentence,
)
from app.domain.flakes import FlakyTest
from app.domain.runs import Authors, RunKind, RunOutcome

README = Path(__file__).parents[3] / "README.md"
NOW = Digests(package="p", links="l", patches="x")
IN_FORCE = InForce(NOW, ("e",))
OTHER = replace(NOW, package="other")
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
        environment="e",
    )
    return replace(run, **fields)  # type: ignore[arg-type]  # fields are checked by the class


def a_decision(state: str, digests: Digests = NOW, by: ProofBy | None = None) -> Decision:
    return Decision(
        EvidenceState(state), UUID(int=7), RunKind.PROOF, digests, LATER, by, environment="e"
    )


def state_after(run: FinishedRun, previous: str | None = None) -> str | None:
    decision = decide(
        run, now=IN_FORCE, previous=None if previous is None else a_decision(previous)
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

    decision = decide(a_run("check", "passed"), now=IN_FORCE, previous=previous)

    assert decision is not None and decision.state is EvidenceState.PASSING


@pytest.mark.parametrize("previous", [None, "reproduced", "cannot-fail", "regressed"])
def test_a_check_that_fails(previous: str | None) -> None:
    assert state_after(a_run("check", "failed"), previous) == "reproduced"
    # Only where a test that fails now passed before, on another package that shipped.
    assert state_after(a_run("check", "failed", regressed=True), previous) == "regressed"


@pytest.mark.parametrize(
    ("outcome", "in_force", "fails", "after"),
    [
        ("proven", True, False, "proven"),
        ("proven", True, True, "regressed"),
        ("cannot-fail", True, False, None),
        ("cannot-fail", True, True, "reproduced"),
        ("not-fixed", True, True, "reproduced"),
        ("not-fixed", True, False, None),
        ("not-fixed", False, False, None),
    ],
)
def test_a_proof_from_history(outcome: str, in_force: bool, fails: bool, after: str | None) -> None:
    run = a_run(
        "proof",
        outcome,
        by=ProofBy.HISTORY,
        after_is_bundled=in_force,
        bundled_failed=fails,
    )

    assert state_after(run, "reproduced") == after


def test_fix_ready_says_that_the_bundled_package_fails() -> None:
    failing = a_run("check", "failed", bundled_failed=True)

    assert state_after(failing, "fix-ready") == "fix-ready"
    assert state_after(a_run("check", "passed"), "fix-ready") == "passing"
    # Of another environment, or by other rules, it says nothing here.
    for changed in ({"environment": "other"}, {"rules": 1}, {"digests": OTHER}):
        previous = replace(a_decision("fix-ready"), **changed)
        decision = decide(failing, now=IN_FORCE, previous=previous)
        assert decision is not None and decision.state is EvidenceState.REPRODUCED


@pytest.mark.parametrize("state", ["proven", "passing"])
@pytest.mark.parametrize(
    ("kind", "outcome", "covers"),
    [
        ("check", "failed", False),
        ("check", "failed", True),
        ("proof", "not-fixed", True),
        # It flips, or depends on its neighbours: one of its results is a failure.
        ("proof", "inconclusive", False),
    ],
)
def test_any_run_of_a_linked_test_may_take_evidence_away(
    state: str, kind: str, outcome: str, covers: bool
) -> None:
    run = a_run(kind, outcome, covers_all_links=covers, bundled_failed=True)

    decision = decide(run, now=IN_FORCE, previous=a_decision(state))

    assert decision is not None
    assert (decision.run, decision.contradicted_by) == (UUID(int=7), run.id)
    shown = assess(covered=True, linked=1, decision=decision, now=IN_FORCE)
    assert (shown.state, shown.contradicted_by) == ("unverified", run.id)


@pytest.mark.parametrize(
    ("run", "previous"),
    [
        # Nothing was shown of this package, or in this environment, or by these rules.
        ({}, {"digests": replace(NOW, package="old")}),
        ({}, {"environment": "other"}),
        ({}, {"rules": 1}),
        # The run is of something else.
        ({"digests": replace(NOW, package="old")}, {}),
        ({"digests": replace(NOW, links="old")}, {}),
        ({"environment": "other"}, {}),
        # No test failed on the package as it ships.
        ({"bundled_failed": False}, {}),
    ],
)
def test_what_contradicts_nothing(run: dict[str, Any], previous: dict[str, Any]) -> None:
    partial = a_run("check", "failed", **{"bundled_failed": True, "covers_all_links": False, **run})

    assert decide(partial, now=IN_FORCE, previous=replace(a_decision("proven"), **previous)) is None


def test_a_run_over_all_gives_evidence_anew_after_a_contradiction() -> None:
    contradicted = replace(a_decision("proven"), contradicted_by=UUID(int=9))

    checked = decide(a_run("check", "passed"), now=IN_FORCE, previous=contradicted)
    proven = decide(a_run("proof", "proven"), now=IN_FORCE, previous=contradicted)

    # A check keeps nothing that was contradicted.
    assert checked is not None and checked.state is EvidenceState.PASSING
    assert proven is not None and (proven.state, proven.contradicted_by) == ("proven", None)


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

    decision = decide(a_run("check", "passed"), now=IN_FORCE, previous=previous)

    assert decision is not None
    assert (decision.by, decision.run) == (ProofBy.DEFECT, UUID(int=1))


@given(
    kind=st.sampled_from(RunKind),
    outcome=st.sampled_from(RunOutcome),
    covers=st.booleans(),
    bundled=st.booleans(),
    previous=st.none() | st.sampled_from(EvidenceState),
)
def test_every_run_decides_something_or_nothing(
    kind: RunKind,
    outcome: RunOutcome,
    covers: bool,
    bundled: bool,
    previous: EvidenceState | None,
) -> None:
    run = a_run(kind, outcome, covers_all_links=covers, after_is_bundled=bundled)

    found = state_after(run, previous)

    assert found not in ("not-covered", "none", "unverified")
    assert covers or found is None


def with_digests(**changed: str) -> InForce:
    return replace(IN_FORCE, digests=replace(NOW, **changed))


def where(*environments: str) -> InForce:
    return replace(IN_FORCE, environments=environments)


@pytest.mark.parametrize(
    ("covered", "linked", "decided", "now", "shown"),
    [
        (False, 0, None, None, ("not-covered", None)),
        (False, 0, None, IN_FORCE, ("not-covered", None)),
        (True, 0, None, IN_FORCE, ("none", None)),
        (True, 0, "proven", IN_FORCE, ("none", None)),
        (True, 1, None, IN_FORCE, ("unverified", None)),
        (False, 1, None, IN_FORCE, ("unverified", None)),
        (True, 1, "proven", IN_FORCE, ("proven", None)),
        (True, 1, "proven", with_digests(package="new"), ("proven", "package changed")),
        (True, 1, "proven", with_digests(links="new"), ("proven", "tests changed")),
        (True, 1, "proven", with_digests(uses="new"), ("proven", "tests changed")),
        (True, 1, "proven", with_digests(patches="new"), ("proven", "patches changed")),
        (True, 1, "reproduced", with_digests(package="new"), ("reproduced", "package changed")),
        (
            True,
            1,
            "proven",
            replace(IN_FORCE, environments=("f",)),
            ("proven", "environment changed"),
        ),
        # A worker of another environment beside changes nothing; nor does it that none lives.
        (True, 1, "proven", replace(IN_FORCE, environments=("e", "f")), ("proven", None)),
        (True, 1, "proven", replace(IN_FORCE, environments=()), ("proven", None)),
    ],
)
def test_what_is_shown(
    covered: bool,
    linked: int,
    decided: str | None,
    now: InForce | None,
    shown: tuple[str, str | None],
) -> None:
    decision = None if decided is None else a_decision(decided)

    found = assess(covered=covered, linked=linked, decision=decision, now=now)

    assert (found.state.value, found.stale_reason) == shown
    assert found.stale is (found.stale_reason is not None)


def test_what_an_earlier_editions_rules_decided_is_stale() -> None:
    found = assess(
        covered=True, linked=1, decision=replace(a_decision("proven"), rules=1), now=IN_FORCE
    )

    assert (found.state, found.stale, found.stale_reason) == ("proven", True, "rules changed")
    said = sentence(found.state, stale=True, stale_reason=found.stale_reason)
    assert "rules changed" in said and "run it again" in said


FLAKY = FlakyTest("t.py::a", 40, 2, 3, 5, 63, UUID(int=8))


@pytest.mark.parametrize("decided", [None, "proven", "reproduced"])
def test_a_flaky_test_makes_nothing_known(decided: str | None) -> None:
    decision = None if decided is None else a_decision(decided)

    found = assess(covered=True, linked=1, decision=decision, now=IN_FORCE, flaky=[FLAKY])

    assert (found.state, found.flaky) == ("unverified", (FLAKY,))
    assert found.contradicted_by == UUID(int=8)
    said = sentence(found.state, stale=False, flaky=[FLAKY.figures()])
    assert "t.py::a is flaky: of 42 repeats" in said and "of 63 that are needed" in said


def test_the_sentence_says_who_wrote_both_and_that_no_assertion_failed() -> None:
    plain = a_decision("proven")
    told = replace(plain, without_assertion=True, authors=Authors(("ada",), ("ada",)))
    honest = replace(plain, authors=Authors(("ada",), ("bob",)))

    def said(decision: Decision) -> str:
        return sentence(EvidenceState.PROVEN, stale=False, decision=decision)

    assert "proven, but no assertion failed" in said(told) and "one account" in said(told)
    assert said(honest) == said(plain)


@pytest.mark.parametrize("state", EvidenceState)
def test_every_state_is_said_in_words(state: EvidenceState) -> None:
    fresh, stale = sentence(state, stale=False), sentence(state, stale=True)

    assert fresh.endswith(".")
    assert stale.startswith(fresh) and "run it again" in stale


def test_a_refuted_finding_is_said_to_be_absent() -> None:
    assert sentence(EvidenceState.PROVEN, stale=False, by=ProofBy.DEFECT) == (
        "The defect is absent here, and the tests catch it when it is planted."
    )


def test_the_readme_tells_what_each_state_means() -> None:
    rows = [f"| `{state}` | {state.meaning} |" for state in EvidenceState]
    assert "\n".join(rows) in README.read_text("utf-8")
