"""What runs of the second edition show: for each rule an honest test, and a lie.

A line such as ``a: alone pass, together fail`` says how a test ended in each company.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.causes import Cause
from app.domain.others import whole_files
from app.domain.outcomes import decide
from app.domain.runs import (
    ArmResult,
    RunKind,
    SubmittedFile,
    TestMode,
    TestOutcome,
    TestResult,
    Verdict,
)
from tests.factories.runs import BUNDLED, a_plan

ENDINGS: dict[str, dict[str, Any]] = {
    "pass": {"outcome": TestOutcome.PASSED, "phase": "call"},
    "skip": {"outcome": TestOutcome.SKIPPED, "phase": "call"},
    "xfail": {"outcome": TestOutcome.XFAILED, "phase": "call"},
    "fail": {"outcome": TestOutcome.FAILED, "phase": "call", "cause": Cause.ASSERTION},
    "no cause": {"outcome": TestOutcome.FAILED, "phase": "call"},
    "package": {"outcome": TestOutcome.FAILED, "phase": "call", "cause": Cause.PACKAGE},
    "interface": {"outcome": TestOutcome.FAILED, "phase": "call", "cause": Cause.INTERFACE},
    "environment": {"outcome": TestOutcome.FAILED, "phase": "call", "cause": Cause.ENVIRONMENT},
    "broken test": {"outcome": TestOutcome.FAILED, "phase": "call", "cause": Cause.TEST},
    "never awaited": {"outcome": TestOutcome.ERROR, "phase": "call", "cause": Cause.TEST},
    "package in setup": {"outcome": TestOutcome.ERROR, "phase": "setup", "cause": Cause.PACKAGE},
    "assertion in setup": {
        "outcome": TestOutcome.ERROR,
        "phase": "setup",
        "cause": Cause.ASSERTION,
    },
    "package in teardown": {
        "outcome": TestOutcome.ERROR,
        "phase": "teardown",
        "cause": Cause.PACKAGE,
    },
    "not run": {"outcome": TestOutcome.ERROR, "cause": Cause.NOT_RUN},
    "late": {"outcome": TestOutcome.TIMED_OUT, "phase": "call"},
}
MODES = (TestMode.ALONE, TestMode.TOGETHER, TestMode.REVERSED)


def ran(node_id: str, *words: str, **fields: Any) -> list[TestResult]:
    """Three repeats of a test: alone, together, reversed. The last word holds for the rest."""
    all_words = words + words[-1:] * (3 - len(words))
    return [
        TestResult(node_id, repeat=n, mode=mode, **ENDINGS[word], **fields)
        for n, (mode, word) in enumerate(zip(MODES, all_words, strict=True), 1)
    ]


def other(node_id: str, together: str | None = None, alone: str | None = None) -> list[TestResult]:
    """Another test: once together, three times alone."""
    found = []
    if together is not None:
        found.append(TestResult(node_id, mode=TestMode.TOGETHER, **ENDINGS[together]))
    words = () if alone is None else alone.split("/")
    for n, word in enumerate(words * 3 if len(words) == 1 else words, 1):
        found.append(TestResult(node_id, repeat=n, mode=TestMode.ALONE, **ENDINGS[word]))
    return found


def an_arm(name: str, *results: list[TestResult], **fields: Any) -> ArmResult:
    return ArmResult(name, "p", tuple(one for some in results for one in some), **fields)


def check(*words: str, **fields: Any) -> Verdict:
    passed_before = fields.pop("passed_before", ())
    arm = an_arm("bundled", ran("a", *words, **fields))
    return decide(RunKind.CHECK, a_plan("a", arms=BUNDLED), [arm], passed_before=passed_before)


def proof(before: str, after: str) -> Verdict:
    arms = [an_arm("before", ran("a", before)), an_arm("after", ran("a", after))]
    return decide(RunKind.PROOF, a_plan("a"), arms)


@pytest.mark.parametrize(
    ("word", "outcome", "says"),
    [
        ("pass", "passed", "All 1 linked tests pass"),
        ("fail", "failed", "1 of 1 linked tests fail"),
        ("no cause", "failed", "1 of 1"),
        ("package", "failed", "1 of 1"),
        ("package in setup", "failed", "1 of 1"),
        ("environment", "inconclusive", "what the environment lacks"),
        ("broken test", "inconclusive", "is broken itself"),
        ("never awaited", "inconclusive", "is broken itself"),
        ("interface", "inconclusive", "how it calls the package"),
        ("assertion in setup", "inconclusive", "broke in setup"),
        ("package in teardown", "inconclusive", "broke in teardown"),
        ("xfail", "inconclusive", "was xfailed on arm bundled, which shows nothing"),
        ("skip", "inconclusive", "was skipped"),
        ("not run", "inconclusive", "never ran"),
    ],
)
def test_what_a_check_shows(word: str, outcome: str, says: str) -> None:
    verdict = check(word)

    assert (verdict.outcome, says in verdict.reason) == (outcome, True), verdict.reason


def test_an_interface_counts_where_the_same_test_passed_on_another_package() -> None:
    assert check("interface", passed_before={"a"}).outcome == "failed"
    assert check("interface", passed_before={"b"}).outcome == "inconclusive"
    # Nothing makes up for what the environment lacks.
    assert check("environment", passed_before={"a"}).outcome == "inconclusive"


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ("fail", "pass", "proven"),
        ("package", "pass", "proven"),
        ("package in setup", "pass", "proven"),
        ("interface", "pass", "proven"),
        ("environment", "pass", "inconclusive"),
        ("broken test", "pass", "inconclusive"),
        ("package in teardown", "pass", "inconclusive"),
        ("xfail", "pass", "inconclusive"),
        ("fail", "xfail", "inconclusive"),
        ("fail", "skip", "inconclusive"),
        ("fail", "package in teardown", "inconclusive"),
        ("fail", "fail", "not-fixed"),
        ("fail", "package in setup", "not-fixed"),
        ("pass", "pass", "cannot-fail"),
        # Wrong on every package: it may well be the test that is.
        ("interface", "interface", "inconclusive"),
        ("fail", "interface", "inconclusive"),
        ("fail", "environment", "inconclusive"),
    ],
)
def test_what_a_proof_shows(before: str, after: str, outcome: str) -> None:
    verdict = proof(before, after)

    assert verdict.outcome == outcome, verdict.reason


@pytest.mark.parametrize(
    ("before", "without"), [("fail", False), ("package", True), ("interface", True)]
)
def test_a_proof_says_when_no_assertion_failed(before: str, without: bool) -> None:
    verdict = proof(before, "pass")

    assert verdict.without_assertion is without
    assert ("proven, but no assertion failed" in verdict.reason) is without


def test_a_failure_that_is_the_same_on_every_arm_is_none_of_the_patchs_doing() -> None:
    def arms(signature: str) -> list[ArmResult]:
        before = an_arm("before", ran("a", "fail", signature="E at t.py::a+3"))
        return [before, an_arm("after", ran("a", "fail", signature=signature))]

    same = decide(RunKind.PROOF, a_plan("a"), arms("E at t.py::a+3"))
    another = decide(RunKind.PROOF, a_plan("a"), arms("E at t.py::a+9"))

    assert same.outcome == another.outcome == "not-fixed"
    assert "none of the patch's doing" in same.reason
    assert "none of the patch's doing" not in another.reason


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("fail", "pass"), "alone it fails, together with the other linked tests it passes"),
        (
            ("pass", "pass", "fail"),
            "alone it passes, together with the other linked tests it fails",
        ),
    ],
)
def test_a_test_that_ends_otherwise_in_company_depends_on_it(
    words: tuple[str, ...], says: str
) -> None:
    hints = ("t.py::leaks leaves the default dtype at float64, on which t.py::b depends.",)
    arm = an_arm("bundled", ran("t.py::b", *words), ran("t.py::leaks", "pass"), hints=hints)

    verdict = decide(RunKind.CHECK, a_plan("t.py::b", "t.py::leaks", arms=BUNDLED), [arm])

    assert verdict.outcome == "inconclusive"
    assert says in verdict.reason and "t.py::leaks leaves" in verdict.reason


def test_a_test_that_disagrees_with_itself_alone_flips() -> None:
    results = other("a", alone="pass/fail/pass")

    verdict = decide(RunKind.CHECK, a_plan("a", arms=BUNDLED), [an_arm("bundled", results)])

    assert "a flips" in verdict.reason and verdict.outcome == "inconclusive"


def test_fewer_results_than_repeats_show_nothing() -> None:
    verdict = decide(
        RunKind.CHECK, a_plan("a", arms=BUNDLED), [an_arm("bundled", ran("a", "pass")[:2])]
    )

    assert verdict.outcome == "inconclusive" and "2 times" in verdict.reason


@pytest.mark.parametrize(
    ("repeats", "outcome"), [(1, "inconclusive"), (2, "inconclusive"), (3, "proven")]
)
def test_few_repeats_prove_nothing(repeats: int, outcome: str) -> None:
    plan = replace(a_plan("a"), repeats=repeats)
    arms = [
        an_arm("before", ran("a", "fail")[:repeats]),
        an_arm("after", ran("a", "pass")[:repeats]),
    ]

    assert decide(RunKind.PROOF, plan, arms).outcome == outcome


@pytest.mark.parametrize("word", ["fail", "pass"])
def test_few_repeats_may_show_that_something_is_wrong(word: str) -> None:
    plan = replace(a_plan("a"), repeats=1)
    arms = [an_arm("before", ran("a", word)[:1]), an_arm("after", ran("a", word)[:1])]

    assert decide(RunKind.PROOF, plan, arms).outcome in ("not-fixed", "cannot-fail")


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ((), (), "proven"),
        (("gpu",), ("gpu",), "proven"),
        ((), ("x",), "inconclusive"),
        (("x",), (), "inconclusive"),
        (("gpu", "x"), ("gpu",), "inconclusive"),
    ],
)
def test_subtests_are_skipped_on_every_arm_or_on_none(
    before: tuple[str, ...], after: tuple[str, ...], outcome: str
) -> None:
    arms = [
        an_arm("before", ran("a", "fail", skipped_subtests=before)),
        an_arm("after", ran("a", "pass", skipped_subtests=after)),
    ]

    verdict = decide(RunKind.PROOF, a_plan("a"), arms)

    assert verdict.outcome == outcome, verdict.reason
    if before == after == ("gpu",):
        assert "a [gpu]" in verdict.reason


# The other test on the arm before and on the arm after: (together, alone), None where not run.
OTHERS = [
    # What passes after did not break; nothing else has to be asked.
    ("proven", (None, None), ("pass", None), {"compared": 1}),
    ("proven", ("fail", "fail"), ("fail", "fail"), {"not_comparable": ("o",)}),
    ("breaks-others", ("pass", "pass"), ("fail", "fail"), {"also_broken": ("o",)}),
    ("breaks-others", ("pass", "pass"), ("skip", "skip"), {"also_broken": ("o",)}),
    ("breaks-others", ("pass", "pass"), ("late", "late"), {"also_broken": ("o",)}),
    ("breaks-others", ("pass", "pass"), ("not run", None), {"also_broken": ("o",)}),
    # Only together: the sentence says so.
    ("breaks-others", ("pass", "pass"), ("fail", "pass"), {"also_broken": ("o",)}),
    # It fails together on both sides, so the patch has no part in it.
    ("proven", ("fail", "pass"), ("fail", "pass"), {"compared": 1}),
    ("proven", ("not run", "pass"), ("not run", "pass"), {"compared": 1}),
    ("proven", ("not run", None), ("not run", None), {}),
    # Unsteady before: nothing can be said. Steady before and unsteady after: nothing is claimed.
    ("proven", ("fail", "pass/fail/pass"), ("fail", "fail"), {"not_comparable": ("o",)}),
    ("inconclusive", ("pass", "pass"), ("fail", "pass/fail/pass"), {}),
]


@pytest.mark.parametrize(("outcome", "before", "after", "fields"), OTHERS)
def test_the_rest_of_the_suite(
    outcome: str,
    before: tuple[str | None, str | None],
    after: tuple[str | None, str | None],
    fields: dict[str, Any],
) -> None:
    arms = [
        an_arm("before", ran("a", "fail"), other("o", *before)),
        an_arm("after", ran("a", "pass"), other("o", *after)),
    ]

    verdict = decide(RunKind.PROOF, a_plan("a", others=("o",)), arms)

    assert verdict.outcome == outcome, verdict.reason
    expected = {"also_broken": (), "not_comparable": (), **fields}
    assert {name: getattr(verdict, name) for name in expected} == expected
    together_only = before[0] == "pass" and after == ("fail", "pass")
    assert ("Only together" in verdict.reason) is together_only
    assert ("1 never ran: o" in verdict.reason) is (after == ("not run", None) == before)


def test_the_sentence_counts_what_passed_and_names_the_rest() -> None:
    arms = [
        an_arm("before", ran("a", "fail"), other("bad", "fail", "fail"), other("cut", "not run")),
        an_arm(
            "after",
            ran("a", "pass"),
            other("fine", "pass"),
            other("bad", "fail", "fail"),
            other("cut", "not run"),
        ),
    ]

    verdict = decide(RunKind.PROOF, a_plan("a", others=("fine", "bad", "cut")), arms)

    assert (verdict.outcome, verdict.compared) == ("proven", 1)
    assert "none of the 1 other tests that passed broke" in verdict.reason
    assert "bad" in verdict.reason and "1 never ran: cut" in verdict.reason


def test_tests_that_clients_handed_in_for_other_tickets_count_among_the_others() -> None:
    plan = replace(a_plan("a"), others_submitted=(SubmittedFile("s/x.py", "d"),))
    before = an_arm("before", ran("a", "fail"), other("s/x.py::t", "pass", "pass"))

    broken = decide(
        RunKind.PROOF,
        plan,
        [before, an_arm("after", ran("a", "pass"), other("s/x.py::t", "fail", "fail"))],
    )
    cut = decide(RunKind.PROOF, plan, [before, an_arm("after", ran("a", "pass"))])

    assert broken.also_broken == ("s/x.py::t",)
    # Left out on the arm after only, where it passed before.
    assert cut.also_broken == ("s/x.py::t",)


def test_a_submitted_file_that_ran_nowhere_is_named() -> None:
    plan = replace(a_plan("a"), others_submitted=(SubmittedFile("s/x.py", "d"),))

    verdict = decide(
        RunKind.PROOF, plan, [an_arm("before", ran("a", "fail")), an_arm("after", ran("a", "pass"))]
    )

    assert verdict.outcome == "proven" and "never ran: s/x.py" in verdict.reason


@pytest.mark.parametrize(
    ("results", "linked", "whole"),
    [
        ({"f.py::a": "pass", "f.py::b": "pass"}, [], {"f.py": ["f.py::a", "f.py::b"]}),
        ({"f.py::a": "pass", "f.py::b": "fail"}, [], {}),
        ({"f.py::a": "pass", "f.py::b": "not run"}, [], {}),
        ({"f.py::a": "pass"}, [], {}),
        # It did not run whole among the others.
        ({"f.py::a": "pass", "f.py::b": "pass"}, ["f.py::c"], {}),
    ],
)
def test_which_files_of_the_rest_are_known_to_pass(
    results: dict[str, str], linked: list[str], whole: dict[str, list[str]]
) -> None:
    arm = an_arm("after", *(other(node_id, word) for node_id, word in results.items()))

    assert whole_files(["f.py::a", "f.py::b"], linked, arm) == whole


def test_a_file_that_passed_test_by_test_is_not_known_to_pass_whole() -> None:
    arm = an_arm("after", other("f.py::a", None, "pass"))

    assert whole_files(["f.py::a"], [], arm) == {}
