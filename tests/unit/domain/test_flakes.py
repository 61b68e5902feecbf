"""Tests that end one way and then the other, though nothing has changed."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.domain.causes import Cause
from app.domain.flakes import (
    ALONE,
    MOST_COMPANIES,
    Tally,
    changes_nothing,
    endings,
    flaky_tests,
    observe,
)
from app.domain.runs import ArmResult, TestMode, TestOutcome, TestResult

RUN, LATER = UUID(int=1), UUID(int=2)


def alone(words: str) -> list[tuple[str, bool]]:
    """``"pfp"``: passed, failed, passed."""
    return [(ALONE, letter == "p") for letter in words]


@pytest.mark.parametrize(
    ("words", "passes", "failures", "flips", "since"),
    [
        ("", 0, 0, 0, 0),
        ("ppp", 3, 0, 0, 3),
        ("fff", 0, 3, 0, 3),
        ("ppf", 2, 1, 1, 0),
        ("pfp", 2, 1, 2, 0),
        ("pfpp", 3, 1, 2, 1),
    ],
)
def test_flips_are_changes_between_passed_and_failed(
    words: str, passes: int, failures: int, flips: int, since: int
) -> None:
    tally = observe(Tally(), alone(words), RUN)

    assert (tally.passes, tally.failures, tally.flips, tally.since_flip) == (
        passes,
        failures,
        flips,
        since,
    )
    assert tally.flipped_in == (RUN if flips else None)


def test_flips_are_seen_from_run_to_run() -> None:
    first = observe(Tally(), alone("ppp"), RUN)
    second = observe(first, alone("fff"), LATER)

    assert not first.flaky
    assert second.flaky and (second.flips, second.flipped_in, second.since_flip) == (1, LATER, 2)


def test_another_company_is_no_flip() -> None:
    """A test that needs its neighbours ends alone otherwise than together, every time."""
    tally = observe(Tally(), [(ALONE, False), ("together x", True)] * 5, RUN)

    assert (tally.flips, tally.passes, tally.failures) == (0, 5, 5)
    # In the same company it is one.
    assert observe(tally, [("together x", False)], RUN).flips == 1


@pytest.mark.parametrize(
    ("passes", "failures", "needed"),
    [(1, 1, 30), (29, 1, 90), (97, 3, 100), (999, 1, 3000), (0, 0, 30), (5, 0, 30)],
)
def test_how_many_must_agree(passes: int, failures: int, needed: int) -> None:
    tally = Tally(passes=passes, failures=failures, flips=1)

    assert tally.needed == needed


@pytest.mark.parametrize(("since", "flaky"), [(0, True), (30, True), (31, False)])
def test_a_flaky_test_is_believed_again_after_enough_repeats(since: int, flaky: bool) -> None:
    assert Tally(passes=20, failures=20, flips=1, since_flip=since).flaky is flaky


def test_a_rare_failure_needs_more_than_thirty() -> None:
    tally = observe(Tally(passes=99, failures=0, last={ALONE: True}), alone("f"), RUN)
    tally = observe(tally, alone("p"), RUN)

    after_forty = observe(tally, alone("p" * 40), LATER)

    assert after_forty.since_flip == 40 and after_forty.flaky


def test_companies_are_bounded() -> None:
    many = [(f"together {n}", True) for n in range(3 * MOST_COMPANIES)]

    assert len(observe(Tally(), many, RUN).last) == MOST_COMPANIES


def result(node_id: str, outcome: TestOutcome, mode: TestMode = TestMode.ALONE) -> TestResult:
    return TestResult(node_id, outcome, "call", mode=mode)


def test_what_of_an_arm_can_be_compared_with_other_runs() -> None:
    in_setup = TestResult("a", TestOutcome.ERROR, "setup", cause=Cause.PACKAGE)
    arm = ArmResult(
        "bundled",
        "p",
        (
            result("a", TestOutcome.PASSED),
            result("a", TestOutcome.FAILED, TestMode.TOGETHER),
            # A time-out, a skip and a test that never began are neither.
            result("a", TestOutcome.TIMED_OUT),
            result("b", TestOutcome.SKIPPED),
            TestResult("b", TestOutcome.ERROR, cause=Cause.NOT_RUN),
            # The rest of the suite is another company for each ticket's run.
            result("o", TestOutcome.PASSED, TestMode.TOGETHER),
            result("o", TestOutcome.FAILED),
            in_setup,
        ),
    )

    found = endings(arm, ["a", "b"])

    assert set(found) == {"a", "o"}
    assert [passed for _, passed in found["a"]] == [True, False, False]
    assert found["o"] == [(ALONE, False)]
    same, other = endings(arm, ["a", "b"])["a"][1], endings(arm, ["a"])["a"][1]
    assert same == found["a"][1] and other[0] != same[0]


def test_what_always_passes_need_not_be_written_down() -> None:
    steady = observe(Tally(), alone("p"), RUN)

    assert changes_nothing(steady, alone("p"))
    assert not changes_nothing(steady, alone("f"))
    assert not changes_nothing(Tally(), alone("p"))
    assert not changes_nothing(observe(steady, alone("f"), RUN), alone("p"))


def test_a_flaky_test_is_named_once_with_the_worst_of_its_figures() -> None:
    once = observe(Tally(), alone("pf"), RUN)
    often = observe(Tally(), alone("pfpf"), RUN)
    steady = observe(Tally(), alone("ppp"), RUN)

    found = flaky_tests([("b", once), ("b", often), ("a", once), ("c", steady)])

    assert [(test.node_id, test.flips) for test in found] == [("a", 1), ("b", 3)]
