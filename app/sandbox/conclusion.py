"""From what was seen of an execution to the report handed to the service. Pure.

* A file that could not be collected gives each test asked for in it the outcome ``error``, and the
  arm counts as completed: a broken import is a fact about the arm. So does a suite whose shared
  ``conftest.py`` does not load.
* A test that was running when the deadline came is ``timed-out``; one that was running when the
  process went is ``error``. What ended before is kept.
* An exit of its own accord without an end of the report is tampering, whatever its status.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from app.domain.runs import TestOutcome, TestResult
from app.sandbox.execution import Ending, Execution
from app.sandbox.interface import ArmReport, ArmStatus, Collection
from app.sandbox.order import selected
from app.sandbox.reports import Tampered

_REFUSED = 125
_USAGE, _INTERNAL = 4, 3
_TAIL = 2000


def conclude(execution: Execution) -> ArmReport:
    """The report of an arm."""
    status, reason = _judge(execution)
    results = dict(execution.reader.results)
    _add_broken(execution, results)
    _add_running(execution, results, status, reason)
    wanted = execution.order.node_ids
    return ArmReport(
        status=status,
        results=tuple(sorted(results.values(), key=lambda result: _place_of(result, wanted))),
        reason=reason,
        output=execution.output,
        layers=execution.reader.layers,
        environment={**execution.reader.environment, "engine": execution.engine},
    )


def collection(execution: Execution) -> Collection:
    """What was collected; with the reason as an error when that did not go well."""
    status, reason = _judge(execution)
    errors = [f"{path}: {text}" for path, text in execution.reader.broken.items()]
    if status is not ArmStatus.COMPLETED:
        errors.append(reason or str(status))
    elif execution.status == _USAGE and not errors:
        errors.append(execution.output[-_TAIL:])
    return Collection(tests=tuple(execution.reader.items.values()), errors=tuple(errors))


def _judge(execution: Execution) -> tuple[ArmStatus, str | None]:
    reader = execution.reader
    refused = execution.refused or reader.refused
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
    if reader.exit is None:
        if execution.status == _REFUSED:
            return ArmStatus.CRASHED, f"could not run pytest: {execution.output[-_TAIL:]}"
        return (
            ArmStatus.TAMPERED,
            f"left early with exit status {execution.status}{_during(execution)}",
        )
    return _judge_complete(execution)


def _judge_complete(execution: Execution) -> tuple[ArmStatus, str | None]:
    reader = execution.reader
    if execution.status != reader.exit:
        return (
            ArmStatus.TAMPERED,
            f"the report says exit status {reader.exit}, it was {execution.status}",
        )
    try:
        reader.check_complete()
    except Tampered as reason:
        return ArmStatus.TAMPERED, str(reason)
    if reader.exit == _INTERNAL or reader.exit not in range(6):
        return ArmStatus.CRASHED, f"pytest failed inside: {execution.output[-_TAIL:]}"
    return ArmStatus.COMPLETED, None


def _add_broken(execution: Execution, results: dict[str, TestResult]) -> None:
    broken = dict(execution.reader.broken)
    order = execution.order
    if execution.status == _USAGE and execution.reader.exit == _USAGE:
        broken[""] = execution.output[-_TAIL:]
    for path, message in broken.items():
        wanted = [name for name in order.node_ids if _lies_in(name, path)]
        if not order.node_ids:
            wanted = [path or order.suite]
        for node_id in wanted:
            if not any(selected(done, [node_id]) for done in results):
                results[node_id] = TestResult(
                    node_id=node_id,
                    outcome=TestOutcome.ERROR,
                    message=f"could not be collected: {message.strip().rpartition(chr(10))[2]}",
                    traceback=message,
                    repeat=execution.reader.repeat,
                )


def _add_running(
    execution: Execution, results: dict[str, TestResult], status: ArmStatus, reason: str | None
) -> None:
    running = execution.reader.running
    if running is None or execution.reader.is_canary(running) is not None:
        return
    timed_out = status is ArmStatus.TIMED_OUT
    if status in (ArmStatus.TIMED_OUT, ArmStatus.CRASHED, ArmStatus.TAMPERED, ArmStatus.COMPLETED):
        results[running] = TestResult(
            node_id=running,
            outcome=TestOutcome.TIMED_OUT if timed_out else TestOutcome.ERROR,
            message=reason or "pytest was told to stop in this test",
            repeat=execution.reader.repeat,
        )


def _lies_in(node_id: str, path: str) -> bool:
    return path == "" or selected(node_id, [path]) or node_id.startswith(f"{path}/")


def _place_of(result: TestResult, wanted: Sequence[str]) -> int:
    """Where the request names the test; what was asked for as a group keeps its order."""
    for index, name in enumerate(wanted):
        if selected(result.node_id, [name]):
            return index
    return len(wanted)


def _late(execution: Execution) -> str:
    limits = execution.limits
    if execution.late == "test":
        return f"a test took longer than {limits.per_test_s:g} s{_during(execution)}"
    return f"the arm took longer than {limits.per_arm_s:g} s{_during(execution)}"


def _during(execution: Execution) -> str:
    running = execution.reader.running
    if running is None or execution.reader.is_canary(running) is not None:
        return ""
    return f", in {running}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
