"""What an execution amounts to, as a table of endings."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Literal

import pytest

from app.domain.runs import TestOutcome, TestResult
from app.sandbox.conclusion import collection, conclude
from app.sandbox.engine import bounds_of
from app.sandbox.execution import Ending, Execution
from app.sandbox.interface import ArmStatus, Limits
from app.sandbox.order import Order, canary_name
from app.sandbox.reports import ReportReader

FILE = "tests/s/test_a.py"
ONE, TWO = f"{FILE}::test_one", f"{FILE}::test_two"
CANARY = f"{FILE}::{canary_name('secret', FILE)}"


def execution(*wanted: str) -> Execution:
    limits = Limits()
    order = Order(
        root="/arm",
        package="p",
        suite="tests/s",
        node_ids=wanted,
        collect_only=False,
        token="t",
        canary="secret",
        scratch="/tmp",
        layers=(),
        hidden=(),
        uid=None,
        bounds=bounds_of(limits),
    )
    return Execution(order, limits, ReportReader(order, limits, repeat=2))


def say(found: Execution, text: bytes) -> None:
    found.printed += text
    found.printed_bytes += len(text)


def finished(found: Execution, *results: TestResult, status: int = 1) -> Execution:
    found.status = found.reader.exit = status
    for result in results:
        found.reader.results[result.node_id] = result
    found.reader.canaries[FILE] = TestResult(CANARY, TestOutcome.FAILED, "call")
    return found


PASSED_ONE = TestResult(ONE, TestOutcome.PASSED, "call")
PASSED_TWO = TestResult(TWO, TestOutcome.PASSED, "call")


def test_an_orderly_end_is_completed_in_the_order_asked_for() -> None:
    report = conclude(finished(execution(TWO, ONE), PASSED_ONE, PASSED_TWO))

    assert report.status is ArmStatus.COMPLETED
    assert report.reason is None
    assert [result.node_id for result in report.results] == [TWO, ONE]


def test_what_never_ran_is_absent() -> None:
    report = conclude(finished(execution(ONE, TWO), PASSED_ONE))

    assert [result.node_id for result in report.results] == [ONE]


def _set(**fields: object) -> Callable[[Execution], None]:
    def change(found: Execution) -> None:
        for name, value in fields.items():
            setattr(found, name, value)

    return change


ENDINGS = {
    "stopped": (_set(ending=Ending.STOPPED), ArmStatus.CANCELLED, "closed"),
    "not started": (_set(ending=Ending.NOT_STARTED, detail="d"), ArmStatus.REFUSED, "d"),
    "tampered": (_set(ending=Ending.TAMPERED, detail="d"), ArmStatus.TAMPERED, "d"),
    "flooded": (_set(ending=Ending.FLOODED, printed_bytes=9), ArmStatus.CRASHED, "9 bytes"),
    "refused": (_set(refused=("seccomp", "why")), ArmStatus.REFUSED, "seccomp: why"),
    "greedy": (_set(greedy=7), ArmStatus.CRASHED, "more than 7 bytes"),
    "keeper killed": (_set(status=None), ArmStatus.CRASHED, "was killed"),
    "signal": (_set(status=-signal.SIGSEGV), ArmStatus.CRASHED, "SIGSEGV"),
    "odd signal": (_set(status=-63), ArmStatus.CRASHED, "ended by"),
    "other status": (_set(status=0), ArmStatus.TAMPERED, "says exit status 1, it was 0"),
}


@pytest.mark.parametrize(("change", "status", "reason"), ENDINGS.values(), ids=list(ENDINGS))
def test_every_other_end_has_its_status_and_reason(
    change: Callable[[Execution], None], status: ArmStatus, reason: str
) -> None:
    found = finished(execution(ONE, TWO), PASSED_ONE)
    change(found)

    report = conclude(found)

    assert report.status is status
    assert reason in (report.reason or "")
    assert report.results == (PASSED_ONE,), "what ended before is kept"


def test_leaving_without_an_end_of_the_report_is_tampering() -> None:
    found = finished(execution(ONE, TWO), PASSED_ONE, status=0)
    found.reader.exit, found.reader.running = None, TWO

    report = conclude(found)

    assert report.status is ArmStatus.TAMPERED
    assert f"status 0, in {TWO}" in (report.reason or "")
    assert report.results[1].outcome is TestOutcome.ERROR


def test_a_machine_that_could_not_start_pytest_crashed() -> None:
    found = execution(ONE)
    found.status = 125
    say(found, b"ImportError: no pytest")

    report = conclude(found)

    assert report.status is ArmStatus.CRASHED
    assert "no pytest" in (report.reason or "")


@pytest.mark.parametrize(("late", "told"), [("test", "a test took"), ("arm", "the arm took")])
def test_a_deadline_names_its_test(late: Literal["arm", "test"], told: str) -> None:
    found = finished(execution(ONE, TWO), PASSED_ONE)
    found.ending, found.reader.running, found.late = Ending.TIMED_OUT, TWO, late

    report = conclude(found)

    assert report.status is ArmStatus.TIMED_OUT
    assert told in (report.reason or "")
    assert TWO in (report.reason or "")
    assert [result.outcome for result in report.results] == [
        TestOutcome.PASSED,
        TestOutcome.TIMED_OUT,
    ]
    assert report.results[1].repeat == 2


def test_a_deadline_in_a_canary_does_not_show_the_canary() -> None:
    found = finished(execution(ONE), PASSED_ONE)
    found.ending, found.reader.running = Ending.TIMED_OUT, CANARY

    report = conclude(found)

    assert report.results == (PASSED_ONE,)
    assert CANARY not in (report.reason or "")


def test_a_broken_file_is_an_error_of_each_test_asked_for_in_it() -> None:
    found = finished(execution(ONE, "tests/s/test_b.py::test_b"), PASSED_ONE)
    found.reader.broken["tests/s/test_b.py"] = "Traceback\nE   ImportError: gone"

    report = conclude(found)

    assert report.status is ArmStatus.COMPLETED
    error = report.results[1]
    assert (error.node_id, error.outcome) == ("tests/s/test_b.py::test_b", TestOutcome.ERROR)
    assert "ImportError: gone" in (error.message or "")


def test_a_broken_file_of_a_whole_suite_is_an_error_of_the_file() -> None:
    found = finished(execution(), status=1)
    found.reader.broken[FILE] = "boom"

    assert [result.node_id for result in conclude(found).results] == [FILE]


def test_a_conftest_that_does_not_load_is_an_error_of_every_test() -> None:
    found = finished(execution(ONE, TWO), status=4)
    say(found, b"ImportError while loading conftest")

    report = conclude(found)

    assert report.status is ArmStatus.COMPLETED
    assert {result.outcome for result in report.results} == {TestOutcome.ERROR}
    assert "conftest" in (report.results[0].message or "")


def test_an_error_inside_pytest_is_a_crash() -> None:
    assert conclude(finished(execution(ONE), status=3)).status is ArmStatus.CRASHED


def test_a_pass_without_its_canary_is_tampering() -> None:
    found = finished(execution(ONE), PASSED_ONE)
    found.reader.canaries.clear()

    assert conclude(found).status is ArmStatus.TAMPERED


def test_output_is_cut_with_a_mark() -> None:
    found = finished(execution(ONE))
    found.printed += b"a\0\xff"
    found.printed_bytes = 10

    assert conclude(found).output == "a\\x00\ufffd\n[… 7 bytes cut …]"


def test_a_collection_tells_its_errors() -> None:
    found = finished(execution(), status=2)
    found.reader.broken[FILE] = "boom"
    assert collection(found).errors == (f"{FILE}: boom",)

    found = finished(execution(), status=4)
    say(found, b"usage")
    assert collection(found).errors == ("usage",)

    found.ending, found.detail = Ending.TAMPERED, "lies"
    assert collection(found).errors == ("lies",)
