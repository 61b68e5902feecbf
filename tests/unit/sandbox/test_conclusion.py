"""What an execution amounts to, as a table of endings."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Literal

import pytest

from app.domain.causes import Cause
from app.domain.runs import TestMode, TestOutcome, TestResult
from app.sandbox import conclusion
from app.sandbox.collected import CollectionReader
from app.sandbox.conclusion import collection, collection_failure, uncollected
from app.sandbox.engine import bounds_of
from app.sandbox.execution import Ending, Execution
from app.sandbox.interface import ArmReport, ArmStatus, Limits
from app.sandbox.job_report import JobReader
from app.sandbox.order import Order, canary_name

FILE = "tests/s/test_a.py"
ONE, TWO = f"{FILE}::test_one", f"{FILE}::test_two"
CANARY = f"{FILE}::{canary_name('secret', FILE)}"


def execution(*wanted: str) -> Execution:
    limits = Limits()
    order = Order(
        root="/arm",
        packages=("p",),
        suites=("tests/s",),
        node_ids=wanted,
        token="t",
        canary="secret",
        scratch="/tmp",
        layers=(),
        hidden=(),
        uid=None,
        bounds=bounds_of(limits),
    )
    found = Execution(order, limits, CollectionReader(order), is_ready=True)
    found.collected.threads = 1
    found.job = JobReader(order, limits, "t", wanted, repeat=2)
    return found


def job_of(found: Execution) -> JobReader:
    assert found.job is not None
    return found.job


def conclude(found: Execution) -> ArmReport:
    return conclusion.conclude(found, job_of(found))


def say(found: Execution, text: bytes) -> None:
    found.printed += text
    found.printed_bytes += len(text)


def finished(found: Execution, *results: TestResult) -> Execution:
    job = job_of(found)
    found.fork_status, job.ended = 0, True
    for result in results:
        job.results[result.node_id] = result
    job.canaries[FILE] = TestResult(CANARY, TestOutcome.FAILED, "call")
    return found


def ended(status: int | None) -> Execution:
    """A guest that ended before it had collected."""
    found = execution(ONE, TWO)
    found.job, found.is_ready, found.status = None, False, status
    found.collected.threads = None
    return found


PASSED_ONE = TestResult(ONE, TestOutcome.PASSED, "call")
PASSED_TWO = TestResult(TWO, TestOutcome.PASSED, "call")


def test_an_orderly_end_is_completed_in_the_order_asked_for() -> None:
    report = conclude(finished(execution(TWO, ONE), PASSED_ONE, PASSED_TWO))

    assert report.status is ArmStatus.COMPLETED
    assert report.reason is None
    assert [result.node_id for result in report.results] == [TWO, ONE]


def test_what_never_ran_says_so() -> None:
    found = finished(execution(ONE, TWO), PASSED_ONE)
    job_of(found).quit = "Exit: enough"

    report = conclude(found)

    assert report.quit == "Exit: enough"
    assert [result.node_id for result in report.results] == [ONE, TWO]
    assert (report.results[1].outcome, report.results[1].cause) == (
        TestOutcome.ERROR,
        Cause.NOT_RUN,
    )
    assert "enough" in (report.results[1].message or "")


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
    "greedy": (_set(greedy=7), ArmStatus.CRASHED, "more than 7 bytes"),
    "supervisor killed": (_set(fork_status=None), ArmStatus.CRASHED, "was killed"),
    "signal": (_set(fork_status=signal.SIGSEGV), ArmStatus.CRASHED, "SIGSEGV"),
    "odd signal": (_set(fork_status=63), ArmStatus.CRASHED, "ended by"),
    "other status": (_set(fork_status=1 << 8), ArmStatus.TAMPERED, "the exit status was 1"),
    "spoiled": (_set(spoiled="it changed limits"), ArmStatus.TAMPERED, "limits"),
    "guest killed": (
        _set(fork_status=None, status=-signal.SIGKILL),
        ArmStatus.CRASHED,
        "SIGKILL",
    ),
    "guest ended": (_set(fork_status=None, status=1), ArmStatus.TAMPERED, "status 1"),
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
    found = finished(execution(ONE, TWO), PASSED_ONE)
    job_of(found).ended, job_of(found).running = False, TWO

    report = conclude(found)

    assert report.status is ArmStatus.TAMPERED
    assert f"status 0, in {TWO}" in (report.reason or "")
    assert report.results[1].outcome is TestOutcome.ERROR


def test_a_job_in_the_collected_process_itself_ends_with_it() -> None:
    found = finished(execution(ONE), PASSED_ONE)
    found.fork_status, found.status = None, 0

    assert conclude(found).status is ArmStatus.COMPLETED


FAILURES = {
    "pytest cannot be run": (125, ArmStatus.CRASHED, "could not be run"),
    "an error inside pytest": (3, ArmStatus.CRASHED, "could not be run"),
    "a signal": (-signal.SIGSEGV, ArmStatus.CRASHED, "SIGSEGV"),
    "left at import": (0, ArmStatus.TAMPERED, "left early with exit status 0"),
    "supervisor killed": (None, ArmStatus.CRASHED, "was killed"),
}


@pytest.mark.parametrize(("exit", "status", "reason"), FAILURES.values(), ids=list(FAILURES))
def test_a_guest_that_ends_before_it_has_collected(
    exit: int | None, status: ArmStatus, reason: str
) -> None:
    failure = collection_failure(ended(exit))

    assert failure is not None
    assert failure.status is status
    assert reason in (failure.reason or "")


def test_a_cage_that_does_not_close_refuses() -> None:
    found = ended(125)
    found.refused = ("seccomp", "why")

    failure = collection_failure(found)

    assert failure is not None
    assert (failure.status, failure.reason) == (
        ArmStatus.REFUSED,
        "isolation layer seccomp: why",
    )


def test_being_ready_without_having_collected_is_tampering() -> None:
    found = execution(ONE)
    found.collected.threads = None

    failure = collection_failure(found)

    assert failure is not None
    assert failure.status is ArmStatus.TAMPERED


@pytest.mark.parametrize(("late", "told"), [("test", "a test took"), ("arm", "the arm took")])
def test_a_deadline_names_its_test(late: Literal["arm", "test"], told: str) -> None:
    found = finished(execution(ONE, TWO), PASSED_ONE)
    found.ending, job_of(found).running, found.late = Ending.TIMED_OUT, TWO, late

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
    found.ending, job_of(found).running = Ending.TIMED_OUT, CANARY

    report = conclude(found)

    assert report.results == (PASSED_ONE,)
    assert CANARY not in (report.reason or "")


def lost(found: Execution, *wanted: str) -> list[TestResult]:
    return list(uncollected(found, wanted, 2, TestMode.TOGETHER))


def test_a_broken_file_is_an_error_of_each_test_asked_for_in_it() -> None:
    other = "tests/s/test_b.py::test_b"
    found = execution(ONE, other)
    found.collected.broken["tests/s/test_b.py"] = "Traceback\nE   ImportError: gone"

    (error,) = lost(found, ONE, other)

    assert (error.node_id, error.outcome) == (other, TestOutcome.ERROR)
    assert (error.repeat, error.mode) == (2, TestMode.TOGETHER)
    assert "ImportError: gone" in (error.message or "")


def test_a_broken_file_of_a_whole_suite_is_an_error_of_the_file() -> None:
    found = execution()
    found.collected.broken[FILE] = "boom"

    assert [result.node_id for result in lost(found)] == [FILE]


def test_a_conftest_that_does_not_load_is_an_error_of_every_test() -> None:
    found = ended(4)
    say(found, b"ImportError while loading conftest")

    assert collection_failure(found) is None
    results = lost(found, ONE, TWO)
    assert {result.outcome for result in results} == {TestOutcome.ERROR}
    assert "conftest" in (results[0].message or "")


def test_a_pass_without_its_canary_is_tampering() -> None:
    found = finished(execution(ONE), PASSED_ONE)
    job_of(found).canaries.clear()

    assert conclude(found).status is ArmStatus.TAMPERED


def test_output_is_cut_with_a_mark() -> None:
    found = finished(execution(ONE))
    found.printed += b"a\0\xff"
    found.printed_bytes = 10

    assert conclude(found).output == "a\\x00\ufffd\n[… 7 bytes cut …]"


def test_a_collection_tells_its_errors() -> None:
    found = execution()
    found.collected.broken[FILE] = "boom"
    assert collection(found).errors == (f"{FILE}: boom",)

    found = ended(4)
    say(found, b"usage")
    assert collection(found).errors == ("usage",)

    found.ending, found.detail = Ending.TAMPERED, "lies"
    assert "lies" in collection(found).errors


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (
            b"INTERNALERROR> Traceback (most recent call last):\n"
            b'INTERNALERROR>   File "x.py", line 1, in f\n'
            b"INTERNALERROR>     warn()\n"
            b"INTERNALERROR> pytest.PytestDeprecationWarning: The option is unset.\n"
            b"INTERNALERROR> Set it.\n",
            "The option is unset.\nSet it.",
        ),
        (
            b'Traceback (most recent call last):\n  File "guest.py", line 1, in x\n'
            b"ImportError: iniconfig has the name of a module that is loaded already\n",
            "ImportError: iniconfig has the name of a module that is loaded already",
        ),
        (b"printed and gone\n", "printed and gone"),
    ],
)
def test_what_ended_pytest_is_told_without_the_way_there(printed: bytes, told: str) -> None:
    found = ended(3)
    say(found, printed)

    (error,) = conclusion.collection(found).errors
    assert error.startswith("pytest could not be run: ")
    assert error.endswith(told)
    assert "Traceback" not in error and "INTERNALERROR" not in error
