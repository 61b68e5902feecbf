"""From what was seen of an execution to the report handed to the service. Pure.

* A file that could not be collected gives each test asked for in it the outcome ``error``, and the
  arm counts as completed: a broken import is a fact about the arm. So does a suite whose shared
  ``conftest.py`` does not load.
* A test that was running when the deadline came is ``timed-out``; one that was running when the
  process went is ``error``. What ended before is kept.
* A fork that ends of its own accord without an end of its report is tampering, whatever its status.
* What was asked for and never began is ``error`` for the cause ``not-run``.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Sequence

from app.domain.causes import Cause
from app.domain.runs import TestMode, TestOutcome, TestResult
from app.sandbox.execution import Ending, Execution
from app.sandbox.interface import ArmReport, ArmStatus, Collection
from app.sandbox.job_report import JobReader
from app.sandbox.order import names_of, selected
from app.sandbox.report_lines import Tampered

_REFUSED = 125
_NO_TESTS, _USAGE, _INTERNAL = 5, 4, 3
_TAIL = 2000
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Warning|Interrupt|Exit|Failed)\b")


def collection(execution: Execution) -> Collection:
    """What was collected; with the reason as an error when that did not go well."""
    failure = collection_failure(execution)
    errors = [f"{path}: {text}" if path else text for path, text in broken(execution).items()]
    if failure is not None:
        errors.append(failure.reason or str(failure.status))
    found = execution.collected
    skipped = [f"{path} skips itself: {reason}" for path, reason in found.skipped.items()]
    return Collection(
        tests=tuple(found.items.values()),
        errors=tuple(errors),
        warnings=(*found.warnings, *skipped),
        skipped=found.skipped,
    )


def broken(execution: Execution) -> dict[str, str]:
    """Files that could not be collected; ``""`` stands for all when a shared file is broken."""
    found = dict(execution.collected.broken)
    if execution.collected.threads is None and execution.status == _USAGE:
        found[""] = _end_of(execution.output)
    return found


def collection_failure(execution: Execution) -> ArmReport | None:
    """Why there is no session in which tests could be run; None when all went well.

    A suite that cannot be collected is no failure of this kind.
    """
    if execution.ending is Ending.EXITED and execution.is_ready:
        if execution.collected.threads is not None:
            return None
        return _report(execution, ArmStatus.TAMPERED, "it is ready without having collected")
    status, reason = _judge_end(execution)
    if status is ArmStatus.COMPLETED:
        return None
    return _report(execution, status, reason)


def uncollected(
    execution: Execution, wanted: Sequence[str], repeat: int, mode: TestMode
) -> Iterable[TestResult]:
    """Results of tests asked for in files that could not be collected."""
    there = {name for node_id in execution.collected.items for name in names_of(node_id)}
    for path, message in broken(execution).items():
        names = [name for name in wanted if _lies_in(name, path)]
        if not wanted:
            names = [path] if path else list(execution.order.suites)
        for node_id in names:
            if node_id not in there:
                yield TestResult(
                    node_id=node_id,
                    outcome=TestOutcome.ERROR,
                    message=f"could not be collected: {message.strip().rpartition(chr(10))[2]}",
                    traceback=message,
                    repeat=repeat,
                    mode=mode,
                )


def nothing_to_run(execution: Execution, lost: Sequence[TestResult]) -> ArmReport:
    """The report of a job of which no test was collected."""
    return _report(execution, ArmStatus.COMPLETED, None, lost)


def conclude(execution: Execution, job: JobReader, lost: Sequence[TestResult] = ()) -> ArmReport:
    """The report of one job; `lost` are results of tests that could not be collected."""
    status, reason = _judge_job(execution, job)
    results = dict(job.results)
    _add_running(job, results, status, reason)
    if status is ArmStatus.COMPLETED:
        for node_id in job.expected:
            if node_id not in results:
                results[node_id] = _not_run(node_id, job)
    ordered = [results[node_id] for node_id in job.expected if node_id in results]
    return _report(execution, status, reason, [*lost, *ordered])


def _report(
    execution: Execution,
    status: ArmStatus,
    reason: str | None,
    results: Iterable[TestResult] = (),
) -> ArmReport:
    job = execution.job
    return ArmReport(
        status=status,
        results=tuple(results),
        reason=reason,
        output=execution.output,
        layers=execution.collected.layers,
        environment={**execution.collected.environment, "engine": execution.engine},
        quit=None if job is None else job.quit,
        uses=() if job is None else job.uses,
        slowest_setup_s=0.0 if job is None else job.slowest_setup_s,
    )


def _judge_job(execution: Execution, job: JobReader) -> tuple[ArmStatus, str | None]:
    if execution.ending is not Ending.EXITED or execution.greedy is not None:
        return _judge_end(execution)
    if execution.spoiled is not None:
        return ArmStatus.TAMPERED, execution.spoiled
    if execution.fork_status is None:
        if not (job.ended and execution.status == 0):
            return _judge_end(execution)
    else:
        ended = os.waitstatus_to_exitcode(execution.fork_status)
        if ended < 0:
            return ArmStatus.CRASHED, f"ended by {_signal(-ended)}{_during(execution)}"
        if not job.ended:
            told = f"left early with exit status {ended}{_during(execution)}"
            return ArmStatus.TAMPERED, told
        if ended != 0:
            return ArmStatus.TAMPERED, f"the report has ended, the exit status was {ended}"
    try:
        job.check_complete()
    except Tampered as reason:
        return ArmStatus.TAMPERED, str(reason)
    return ArmStatus.COMPLETED, None


def _judge_end(execution: Execution) -> tuple[ArmStatus, str | None]:
    """Why the guest, or reading from it, ended."""
    refused = execution.refused or execution.collected.refused
    match execution.ending:
        case Ending.STOPPED:
            return ArmStatus.CANCELLED, "the sandbox was closed"
        case Ending.NOT_STARTED:
            return ArmStatus.REFUSED, execution.detail
        case Ending.TAMPERED:
            return ArmStatus.TAMPERED, execution.detail
        case Ending.FLOODED:
            return ArmStatus.CRASHED, f"printed {execution.printed_bytes} bytes and was stopped"
        case Ending.TIMED_OUT:
            return ArmStatus.TIMED_OUT, _late(execution)
    if refused is not None:
        return ArmStatus.REFUSED, f"isolation layer {refused[0]}: {refused[1]}"
    if execution.greedy is not None:
        told = f"its processes held more than {execution.greedy} bytes of memory together"
        return ArmStatus.CRASHED, told + _during(execution)
    if execution.status is None:
        return ArmStatus.CRASHED, "the process that keeps the arm was killed"
    if execution.status < 0:
        return ArmStatus.CRASHED, f"ended by {_signal(-execution.status)}{_during(execution)}"
    if execution.job is None and not execution.is_ready:
        # pytest ends by itself when a conftest does not load, or nothing of what it should read
        # is there.
        if execution.status in (_USAGE, _NO_TESTS) and execution.collected.threads is None:
            return ArmStatus.COMPLETED, None
        if execution.status in (_REFUSED, _INTERNAL):
            return ArmStatus.CRASHED, f"pytest could not be run: {_end_of(execution.output)}"
    return (
        ArmStatus.TAMPERED,
        f"left early with exit status {execution.status}{_during(execution)}",
    )


def _add_running(
    job: JobReader,
    results: dict[str, TestResult],
    status: ArmStatus,
    reason: str | None,
) -> None:
    running = job.running
    if running is None or job.is_canary(running) is not None or status is ArmStatus.CANCELLED:
        return
    timed_out = status is ArmStatus.TIMED_OUT
    results[running] = TestResult(
        node_id=running,
        outcome=TestOutcome.TIMED_OUT if timed_out else TestOutcome.ERROR,
        message=reason,
        repeat=job.repeat,
        mode=job.mode,
    )


def _not_run(node_id: str, job: JobReader) -> TestResult:
    told = job.quit or "without a reason"
    return TestResult(
        node_id=node_id,
        outcome=TestOutcome.ERROR,
        message=f"it never ran: the session was ended before it ({told})",
        cause=Cause.NOT_RUN,
        repeat=job.repeat,
        mode=job.mode,
    )


def _lies_in(node_id: str, path: str) -> bool:
    return path == "" or selected(node_id, [path]) or node_id.startswith(f"{path}/")


def _late(execution: Execution) -> str:
    limits = execution.limits
    if execution.late == "test":
        return f"a test took longer than {limits.per_test_s:g} s{_during(execution)}"
    return f"the arm took longer than {limits.per_arm_s:g} s{_during(execution)}"


def _end_of(output: str) -> str:
    """The exception that ended a process, or else the end of what was printed."""
    lines = [line.removeprefix("INTERNALERROR> ") for line in output.rstrip().splitlines()]
    last = next((n for n in reversed(range(len(lines))) if _EXCEPTION.match(lines[n])), 0)
    return "\n".join(lines[last:])[-_TAIL:]


def _during(execution: Execution) -> str:
    running = execution.running
    return "" if running is None else f", in {running}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
