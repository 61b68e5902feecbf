"""What the results of a run amount to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.causes import Cause
from app.domain.outcomes import decide, flips
from app.domain.runs import (
    ArmPlan,
    ArmResult,
    RunKind,
    RunOutcome,
    TestOutcome,
    TestResult,
)
from tests.factories.runs import BUNDLED, WORDS, a_plan, an_arm

CHECKS = [
    ({"a": "pass", "b": "pass"}, "passed"),
    ({"a": "fail", "b": "pass"}, "failed"),
    ({"a": "fail", "b": "fail"}, "failed"),
    ({"a": "pass/pass", "b": "pass/pass"}, "passed"),
    ({"a": "fail/fail", "b": "pass"}, "failed"),
    # Nothing but a pass is a pass, and nothing but a failing body is a failure.
    ({"a": "pass"}, "inconclusive"),
    ({}, "inconclusive"),
    ({"a": "pass", "b": "skip"}, "inconclusive"),
    ({"a": "pass", "b": "xfail"}, "inconclusive"),
    ({"a": "pass", "b": "xpass"}, "inconclusive"),
    ({"a": "pass", "b": "error"}, "inconclusive"),
    ({"a": "pass", "b": "not collected"}, "inconclusive"),
    ({"a": "pass", "b": "fail in setup"}, "inconclusive"),
    ({"a": "pass/fail", "b": "pass"}, "inconclusive"),
    ({"a": "fail", "b": "skip"}, "inconclusive"),
    ({"a": "fail", "b": "late"}, "timed-out"),
]


@pytest.mark.parametrize(("results", "outcome"), CHECKS)
def test_a_check(results: dict[str, str], outcome: str) -> None:
    plan = a_plan("a", "b", arms=BUNDLED)

    assert decide(RunKind.CHECK, plan, [an_arm("bundled", results)]).outcome == outcome


# Tests a and b demonstrate, g guards, o is the rest of the suite.
PROOFS = [
    ("proven", "a:fail b:fail g:pass o:pass", "a:pass b:pass g:pass o:pass"),
    ("proven", "a:fail b:fail g:pass o:fail", "a:pass b:pass g:pass o:pass"),
    ("proven", "a:fail b:fail g:pass o:fail", "a:pass b:pass g:pass o:fail"),
    ("proven", "a:fail b:fail g:pass o:skip", "a:pass b:pass g:pass o:skip"),
    ("cannot-fail", "a:pass b:pass g:pass o:pass", "a:pass b:pass g:pass o:pass"),
    ("cannot-fail", "a:fail b:pass g:pass o:pass", "a:pass b:pass g:pass o:pass"),
    ("cannot-fail", "a:fail b:pass g:pass o:pass", "a:fail b:pass g:pass o:fail"),
    ("not-fixed", "a:fail b:fail g:pass o:pass", "a:fail b:pass g:pass o:pass"),
    ("not-fixed", "a:fail b:fail g:pass o:pass", "a:pass b:pass g:fail o:fail"),
    ("breaks-others", "a:fail b:fail g:pass o:pass", "a:pass b:pass g:pass o:fail"),
    ("breaks-others", "a:fail b:fail g:pass o:pass", "a:pass b:pass g:pass o:skip"),
    ("breaks-others", "a:fail b:fail g:pass o:pass", "a:pass b:pass g:pass o:error"),
    ("breaks-others", "a:fail b:fail g:pass o:pass", "a:pass b:pass g:pass"),
    ("inconclusive", "a:fail b:fail g:fail o:pass", "a:pass b:pass g:pass o:pass"),
    ("inconclusive", "a:error b:fail g:pass o:pass", "a:pass b:pass g:pass o:pass"),
    ("inconclusive", "a:fail b:fail g:pass o:pass", "a:skip b:pass g:pass o:pass"),
    ("inconclusive", "a:fail b:fail g:pass o:pass", "a:pass/fail b:pass g:pass o:pass"),
    ("inconclusive", "a:fail/pass b:fail g:pass o:pass", "a:pass b:pass g:pass o:pass"),
    ("inconclusive", "", "a:pass b:pass g:pass o:pass"),
    ("timed-out", "a:fail b:late g:pass o:pass", "a:pass b:pass g:pass o:pass"),
    # A patch that makes another test hang has broken it.
    ("breaks-others", "a:fail b:fail g:pass o:pass", "a:pass b:pass g:pass o:late"),
]


@pytest.mark.parametrize(("outcome", "before", "after"), PROOFS)
def test_a_proof(outcome: str, before: str, after: str) -> None:
    plan = a_plan("a", "b", guards=("g",), others=("o",))

    verdict = decide(RunKind.PROOF, plan, [read("before", before), read("after", after)])

    assert verdict.outcome == outcome, verdict.reason
    assert verdict.also_broken == (("o",) if outcome == "breaks-others" else ())


TWO_DEFECTS = [
    ("proven", "a:fail b:pass", "a:pass b:fail"),
    ("proven", "a:fail b:fail", "a:pass b:fail"),
    # Each defect has to be caught, and each test has to catch one.
    ("cannot-fail", "a:fail b:fail", "a:pass b:pass"),
    ("cannot-fail", "a:fail b:pass", "a:fail b:pass"),
]


@pytest.mark.parametrize(("outcome", "first", "second"), TWO_DEFECTS)
def test_a_proof_of_two_defects(outcome: str, first: str, second: str) -> None:
    plan = a_plan("a", "b", arms=("before", "before-2", "after"))
    arms = [read("before", first), read("before-2", second), read("after", "a:pass b:pass")]

    assert decide(RunKind.PROOF, plan, arms).outcome == outcome


def test_guards_alone_prove_nothing() -> None:
    plan = a_plan(guards=("g",))

    verdict = decide(RunKind.PROOF, plan, [read("before", "g:pass"), read("after", "g:pass")])

    assert verdict.outcome == "cannot-fail"


def test_the_reason_names_the_test_and_the_arm() -> None:
    plan = a_plan("t.py::a")

    verdict = decide(
        RunKind.PROOF, plan, [read("before", "t.py::a:fail"), read("after", "t.py::a:skip")]
    )

    assert "t.py::a was skipped on arm after" in verdict.reason


def test_a_failed_machine_is_an_error_whatever_was_reported() -> None:
    plan = a_plan("a", arms=BUNDLED)
    broken = an_arm("bundled", {"a": "late"}, failure="crashed: signal 9", timed_out=True)

    verdict = decide(RunKind.CHECK, plan, [broken])

    assert (verdict.outcome, verdict.reason) == ("error", "Arm bundled: crashed: signal 9")


def test_an_arm_that_met_its_deadline_is_timed_out() -> None:
    plan = a_plan("a", "b", arms=BUNDLED)

    verdict = decide(RunKind.CHECK, plan, [an_arm("bundled", {"a": "pass"}, timed_out=True)])

    assert verdict.outcome == "timed-out"


@pytest.mark.parametrize("reported", [[], ["before"], ["after", "before"], ["before"] * 2])
def test_arms_other_than_the_planned_are_an_error(reported: list[str]) -> None:
    arms = [an_arm(name, {"a": "pass"}) for name in reported]

    assert decide(RunKind.PROOF, a_plan("a"), arms).outcome == "error"


def test_flips_are_told_per_arm() -> None:
    arms = [
        an_arm("before", {"a": "fail/fail", "b": "pass/fail", "c": "pass"}),
        an_arm("after", {"a": "pass/pass", "b": "pass/pass", "c": "pass/skip"}),
    ]

    assert flips(arms) == ("b", "c")


ORDER = (
    "error",
    "timed-out",
    "inconclusive",
    "cannot-fail",
    "not-fixed",
    "breaks-others",
    "proven",
)
_NAMES = ("a", "b", "o")
_RESULTS = st.builds(
    TestResult,
    node_id=st.sampled_from(_NAMES),
    outcome=st.sampled_from(TestOutcome),
    phase=st.sampled_from((None, "setup", "call", "teardown")),
    repeat=st.integers(1, 3),
)


def _arms(names: st.SearchStrategy[str]) -> st.SearchStrategy[ArmResult]:
    return st.builds(
        ArmResult,
        name=names,
        package_digest=st.just("p"),
        results=st.lists(_RESULTS, max_size=6).map(tuple),
        failure=st.sampled_from((None, None, None, "crashed")),
        timed_out=st.sampled_from((False, False, True)),
    )


@given(arms=st.lists(_arms(st.sampled_from(("before", "after", "bundled"))), max_size=3))
def test_any_report_gets_an_outcome(arms: list[ArmResult]) -> None:
    proof = decide(RunKind.PROOF, a_plan("a", "b", others=("o",)), arms)
    check = decide(RunKind.CHECK, a_plan("a", "b", arms=BUNDLED), arms)

    assert proof.outcome in ORDER and proof.reason
    assert check.outcome in ("passed", "failed", *ORDER[:3]) and check.reason


_CLEAN = st.fixed_dictionaries({name: st.sampled_from(sorted(WORDS)) for name in _NAMES})


@given(before=_CLEAN, after=_CLEAN, which=st.sampled_from(("before", "after")))
def test_trouble_outweighs_what_ranks_below_it(
    before: dict[str, str], after: dict[str, str], which: str
) -> None:
    plan = a_plan("a", "b", others=("o",))
    worse = {"before": dict(before), "after": dict(after)}

    for word, reached in (("skip", "inconclusive"), ("late", "timed-out")):
        worse[which]["a"] = word
        found = ORDER.index(decide(RunKind.PROOF, plan, _two(**worse)).outcome)
        assert found <= ORDER.index(reached)
    broken = [an_arm("before", before, failure="crashed"), an_arm("after", after)]
    assert decide(RunKind.PROOF, plan, broken).outcome == RunOutcome.ERROR


def _two(before: dict[str, str], after: dict[str, str]) -> list[ArmResult]:
    return [an_arm("before", before), an_arm("after", after)]


def read(name: str, line: str) -> ArmResult:
    """An arm from a line like ``a:pass b:fail``."""
    return an_arm(name, dict(part.rsplit(":", 1) for part in line.split()))


REVISIONS = (
    ArmPlan("before", revision="1" * 40, package_digest="one"),
    ArmPlan("after", revision="2" * 40, package_digest="two"),
    ArmPlan("bundled", revision="3" * 40),
)
# Outcome, what the reason says, and how test a ended on the arms: m by how it calls the package.
HISTORY = [
    ("proven", "They pass on what is in force, too", "fail", "pass", "pass"),
    ("proven", "the defect is back", "fail", "pass", "fail"),
    ("inconclusive", "in force shows nothing", "fail", "pass", "skip"),
    ("inconclusive", "cannot be run any more", "fail", "pass", "interface"),
    ("proven", "the defect is back", "interface", "pass", "interface"),
    ("cannot-fail", "brings the defect in", "pass", "fail", "pass"),
    ("cannot-fail", "makes none of the linked tests fail", "pass", "pass", "skip"),
    ("not-fixed", "Still failing", "fail", "fail", "pass"),
    ("inconclusive", "was skipped", "fail", "skip", "pass"),
]


@pytest.mark.parametrize(("outcome", "told", "before", "after", "now"), HISTORY)
def test_a_proof_from_history(outcome: str, told: str, before: str, after: str, now: str) -> None:
    plan = replace(a_plan("a"), arms=REVISIONS)
    arms = [
        replace(
            an_arm(arm.name, {"a": "fail" if word == "interface" else word}),
            package_digest=arm.package_digest or "p",
        )
        for arm, word in zip(REVISIONS, (before, after, now), strict=True)
    ]
    for n, word in enumerate((before, after, now)):
        if word == "interface":
            called = {"cause": Cause.INTERFACE, "signature": "TypeError"}
            results = tuple(replace(result, **called) for result in arms[n].results)
            arms[n] = replace(arms[n], results=results)

    verdict = decide(RunKind.PROOF, plan, arms)

    assert (verdict.outcome, told in verdict.reason) == (outcome, True), verdict.reason


def test_revisions_that_hold_the_same_package_are_said_to() -> None:
    plan = replace(a_plan("a"), arms=REVISIONS)
    arms = [an_arm(arm.name, {"a": "fail"}) for arm in REVISIONS]

    assert "may only file the ticket" in decide(RunKind.PROOF, plan, arms).reason
