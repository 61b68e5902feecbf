"""JUnit XML of a run: well-formed for any text, with the counts that CI servers show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.causes import Cause
from app.domain.runs import (
    ArmResult,
    PatchUse,
    Run,
    RunKind,
    RunOutcome,
    RunStatus,
    TestMode,
    TestOutcome,
    TestResult,
)
from app.formats.interface import stream
from app.formats.junit.writer import JUnitXml, render

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


def a_run(*arms: ArmResult, reason: str = "as it should be") -> Run:
    return Run(
        id=UUID(int=7),
        ticket="B7-PT-03",
        target="kasmina",
        kind=RunKind.PROOF,
        status=RunStatus.FINISHED,
        outcome=RunOutcome.PROVEN,
        reason=reason,
        requested_by="jo",
        attempt=1,
        queued_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        repeats=1,
        reused_from=None,
        arms=arms,
    )


def an_arm(*results: TestResult, failure: str | None = None, timed_out: bool = False) -> ArmResult:
    patch = PatchUse("fix", "d" * 64, reverse=True)
    return ArmResult("before", "p" * 64, results, patch, failure, timed_out)


EVERY = an_arm(
    *(
        TestResult(f"tests/test_a.py::test_{outcome.name}[p]", outcome, "call", 0.5, "why", "trace")
        for outcome in TestOutcome
    )
)


def test_every_outcome_is_counted_once() -> None:
    suite = ET.fromstring(render(a_run(EVERY)))[0]
    counted = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": "7", "failures": "1", "errors": "2", "skipped": "2"}
    assert suite.get("time") == "3.500000"
    assert suite.get("timestamp") == "2025-03-01T12:00:00+00:00"
    tags = [[child.tag for child in case] for case in suite.iter("testcase")]
    assert tags == [[], ["failure"], ["error"], ["skipped"], ["skipped"], [], ["error"]]


def test_a_case_names_its_arm_file_and_test() -> None:
    case = next(ET.fromstring(render(a_run(EVERY))).iter("testcase"))
    assert case.get("classname") == "before.tests.test_a"
    assert case.get("name") == "test_PASSED[p]"
    failure = next(ET.fromstring(render(a_run(EVERY))).iter("failure"))
    assert (failure.get("message"), failure.text) == ("why", "trace")


def test_what_the_run_says_stands_in_properties() -> None:
    suite = ET.fromstring(render(a_run(EVERY)))[0]
    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert properties == {
        "run": str(UUID(int=7)),
        "target": "kasmina",
        "outcome": "proven",
        "reason": "as it should be",
        "package_digest": "p" * 64,
        "patch": "fix (reverse)",
    }


def test_a_broken_arm_is_an_error_that_nobody_overlooks() -> None:
    for arm in (an_arm(failure="crashed"), an_arm(timed_out=True)):
        suite = ET.fromstring(render(a_run(arm)))[0]
        assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
        assert suite.find("testcase/error") is not None


def test_repeats_have_names_of_their_own() -> None:
    twice = [TestResult("t.py::a", TestOutcome.PASSED, repeat=n) for n in (1, 2)]
    cases = ET.fromstring(render(a_run(an_arm(*twice)))).iter("testcase")
    assert [case.get("name") for case in cases] == ["a", "a #2"]


def test_many_runs_in_one_file() -> None:
    data = b"".join(stream(JUnitXml(), [a_run(EVERY), a_run(EVERY, an_arm())]))
    assert len(ET.fromstring(data)) == 3


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("queued", None),
        ("running", None),
        ("cancelled", None),
        ("finished", "error"),
        ("finished", "inconclusive"),
        ("finished", "cannot-fail"),
        ("finished", "timed-out"),
    ],
)
@pytest.mark.parametrize("arms", [(), (an_arm(TestResult("t.py::a", TestOutcome.PASSED)),)])
def test_what_did_not_come_out_well_is_no_green_file(
    status: str, outcome: str | None, arms: tuple[ArmResult, ...]
) -> None:
    run = replace(
        a_run(*arms, reason="because"),
        status=RunStatus(status),
        outcome=outcome and RunOutcome(outcome),
    )

    suites = ET.fromstring(render(run))

    assert len(suites) == len(arms) + 1
    assert sum(int(suite.get("errors", "0")) for suite in suites) == 1
    told = {p.get("name"): p.get("value") for p in suites[-1].iter("property")}
    assert told["run"] == str(run.id)
    assert told["outcome"] == (outcome or status)
    (error,) = suites.iter("error")
    assert (error.get("type"), error.get("message")) == (outcome or status, "because")


def test_a_good_run_and_one_whose_tests_say_it_get_no_case_beside() -> None:
    good = a_run(an_arm(TestResult("t.py::a", TestOutcome.PASSED)))
    red = replace(a_run(EVERY), outcome=RunOutcome.NOT_FIXED)

    assert [len(ET.fromstring(render(run))) for run in (good, red)] == [1, 1]


def test_log_warnings_and_what_a_test_recorded_are_kept() -> None:
    result = TestResult(
        "t.py::a",
        TestOutcome.FAILED,
        "call",
        mode=TestMode.TOGETHER,
        cause=Cause.ASSERTION,
        file="tests/t.py",
        line=7,
        log="WARNING a:1 hot",
        warnings=("UserWarning: old",),
        properties=(("<speed>", "3 & more"), ("speed", "4")),
        skipped_subtests=("[n=2]",),
    )

    (case,) = ET.fromstring(render(a_run(an_arm(result)))).iter("testcase")

    assert case.findtext("system-err") == "WARNING a:1 hot\nUserWarning: old"
    assert [(p.get("name"), p.get("value")) for p in case.iter("property")] == [
        ("mode", "together"),
        ("cause", "assertion"),
        ("at", "tests/t.py:7"),
        ("skipped_subtest", "[n=2]"),
        ("<speed>", "3 & more"),
        ("speed", "4"),
    ]


ANYTHING = st.text(st.characters(exclude_categories=[]), max_size=30)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_text_is_well_formed(node: str, message: str, output: str) -> None:
    result = TestResult(
        node,
        TestOutcome.FAILED,
        "call",
        0.1,
        message,
        output,
        output,
        log=output,
        warnings=(message,),
        properties=((node, output),),
    )
    root = ET.fromstring(render(a_run(an_arm(result, failure=message), reason=message)))
    assert next(root.iter("failure")).get("type") == "call"


def test_control_characters_are_spelled_out() -> None:
    result = TestResult("t.py::a", TestOutcome.PASSED, stdout="\x1b[31m]]>\ud800\x00")
    root = ET.fromstring(render(a_run(an_arm(result))))
    assert next(root.iter("system-out")).text == "#x1B[31m]]>#xD800#x00"
