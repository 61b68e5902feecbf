"""One mutant: the tests run on an arm with it, and what their ending says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence

from app.domain.runs import TestMode, TestOutcome, TestResult
from app.domain.strength import MutantOutcome, MutantResult
from app.errors import SandboxRefused
from app.sandbox.interface import ArmReport, ArmStatus, Limits, PreparedArm, Sandbox
from app.sandbox.variants import make_variant, remove_variant
from app.worker.passes import Sessions, draw_seed

_HOW_CHARS = 500


async def judge(
    sandbox: Sandbox,
    arm: PreparedArm,
    changes: Mapping[str, bytes | None],
    passes: Sequence[Sequence[str]],
    limits: Limits,
    *,
    all_pass: bool = False,
) -> MutantResult:
    """Run tests on a mutant, pass after pass until one fails, and say how it ended.

    Args:
        sandbox: runs them.
        arm: the package as it is.
        changes: the files of the mutant; None takes one away.
        passes: which tests run together, in turn; each has passed on the package as it is.
        limits: bounds of each pass.
        all_pass: one that is skipped, expected to fail or not run counts as one that fails.

    Raises:
        SandboxRefused: the cage did not close.
    """
    began = time.monotonic()
    mutant = await asyncio.to_thread(make_variant, arm, changes)
    try:
        outcome, killed_by, how = await _run(sandbox, mutant, passes, limits, all_pass=all_pass)
    finally:
        await asyncio.to_thread(remove_variant, mutant)
    told = None if how is None else how.strip()[:_HOW_CHARS]
    return MutantResult(outcome, killed_by, told, round(time.monotonic() - began, 4))


_Ending = tuple[MutantOutcome, str | None, str | None]


async def _run(
    sandbox: Sandbox,
    arm: PreparedArm,
    passes: Sequence[Sequence[str]],
    limits: Limits,
    *,
    all_pass: bool,
) -> _Ending:
    wanted = list(dict.fromkeys(one for some in passes for one in some))
    sessions = await Sessions.open(sandbox, arm, wanted, limits)
    try:
        main = sessions.all[0]
        if main.failure is not None:
            return _not_collected(main.failure)
        if main.broken and len(sessions.all) == 1:
            return MutantOutcome.IMPORT, None, "; ".join(main.tests.errors)
        for some in passes:
            for session, group in sessions.groups(some):
                report = await session.run(group, seed=draw_seed(), mode=TestMode.TOGETHER)
                ending = _read(report, group)
                if ending is None and all_pass:
                    ending = _not_passed(report, group)
                if ending is not None:
                    return ending
    finally:
        await sessions.close()
    return MutantOutcome.SURVIVED, None, None


def _not_collected(report: ArmReport) -> _Ending:
    """Say how a mutant ended of which nothing could be run."""
    _require_run(report)
    if report.status is ArmStatus.TIMED_OUT:
        return MutantOutcome.TIMED_OUT, None, report.reason
    return MutantOutcome.IMPORT, None, report.reason


def _read(report: ArmReport, wanted: Collection[str]) -> _Ending | None:
    """Return how a mutant ended by what one process reported; None: it survived that."""
    _require_run(report)
    for result in report.results:
        if result.outcome is TestOutcome.TIMED_OUT:
            return MutantOutcome.TIMED_OUT, result.node_id, result.message
        if result.outcome in (TestOutcome.FAILED, TestOutcome.ERROR):
            return MutantOutcome.KILLED, result.node_id, _told(result)
    if report.status is ArmStatus.TIMED_OUT:
        return MutantOutcome.TIMED_OUT, None, report.reason
    if report.status is not ArmStatus.COMPLETED:
        # It ended the process, or bent what reports on it: pytest itself would not have passed.
        first = next(iter(wanted), None)
        return MutantOutcome.KILLED, first, report.reason
    return None


def _not_passed(report: ArmReport, wanted: Collection[str]) -> _Ending | None:
    """Return the first test that neither failed nor passed, as one that notices."""
    ended = {result.node_id: result.outcome for result in report.results}
    for node_id in wanted:
        if ended.get(node_id) is not TestOutcome.PASSED:
            told = ended[node_id].value if node_id in ended else "not run"
            return MutantOutcome.KILLED, node_id, f"It does not pass: {told}."
    return None


def _require_run(report: ArmReport) -> None:
    if report.status in (ArmStatus.REFUSED, ArmStatus.CANCELLED):
        raise SandboxRefused(f"A mutant could not be run: {report.reason}.")


def _told(result: TestResult) -> str:
    cause = "" if result.cause is None else f"{result.cause.value}: "
    return cause + (result.message or result.outcome.value)
