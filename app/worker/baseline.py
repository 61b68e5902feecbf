"""What has to hold of a package as it is before parts of it are changed: its tests pass."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.runs import RunOutcome, RunPlan, TestMode, TestOutcome, TestResult, Verdict
from app.factory import Factory
from app.sandbox.interface import ArmEvent, ArmStatus, EventSink, Limits, PreparedArm, Sandbox
from app.worker.passes import Passes, Sessions, draw_seed

_TIMES = 3
"""So often the linked tests run: what flips says nothing of a change."""
_PATIENCE = 20.0
"""So many times as long as on the package as it is a test may take on a changed one."""
_LEAST_S = 4.0
_AS_IT_IS = "the package as it is"


class Ended(Exception):
    """The run has its verdict before anything was changed."""

    def __init__(self, outcome: RunOutcome, reason: str) -> None:
        super().__init__(reason)
        self.verdict = Verdict(outcome, reason)


@dataclass(frozen=True)
class Baseline:
    """How linked tests end on the package as it is."""

    node_ids: list[str]
    """Those that pass each time; the others are skipped or expected to fail."""
    results: list[TestResult]
    limits: Limits
    """What they may take on a changed package: one that loops shall not cost all the time."""


async def baseline(
    sandbox: Sandbox,
    arm: PreparedArm,
    node_ids: Sequence[str],
    limits: Limits,
    on_event: EventSink,
    *,
    where: str = _AS_IT_IS,
) -> Baseline:
    """Run linked tests on an arm; they must pass each time.

    Args:
        sandbox: runs them.
        arm: what is to be changed.
        node_ids: the linked tests.
        limits: of a deciding run.
        on_event: told of each result.
        where: how the arm is called in reasons.

    Raises:
        Ended: one does not pass, or not each time, or nothing could be run.
    """
    began = asyncio.get_running_loop().time()
    sessions = await Sessions.open(sandbox, arm, node_ids, limits)
    collected_s = asyncio.get_running_loop().time() - began
    results: list[TestResult] = []
    try:
        for repeat in range(1, _TIMES + 1):
            for session, group in sessions.groups(node_ids):
                report = await session.run(
                    group,
                    seed=draw_seed(),
                    repeat=repeat,
                    mode=TestMode.TOGETHER,
                    on_event=on_event,
                )
                results += report.results
                if report.status is ArmStatus.TIMED_OUT:
                    raise Ended(RunOutcome.TIMED_OUT, f"On {where}: {report.reason}.")
                if report.status is not ArmStatus.COMPLETED:
                    told = f"{report.status.value}: {report.reason}"
                    raise Ended(RunOutcome.ERROR, f"On {where}: {told}.")
    finally:
        await sessions.close()
    passing = _that_pass(results, node_ids, where)
    slowest = max((one.duration_s for one in results), default=0.0)
    each = sum(one.duration_s for one in results) / _TIMES
    return Baseline(passing, results, _bounded(limits, slowest, each, collected_s))


def _that_pass(results: Sequence[TestResult], linked: Sequence[str], where: str) -> list[str]:
    """Return the linked tests that pass each time.

    Raises:
        Ended: one does not pass, or not each time.
    """
    passing = []
    for node_id in linked:
        outcomes = {one.outcome for one in results if one.node_id == node_id}
        if outcomes == {TestOutcome.PASSED}:
            passing.append(node_id)
        elif len(outcomes) > 1:
            told = " and ".join(sorted(outcomes))
            raise Ended(
                RunOutcome.INCONCLUSIVE,
                f"{node_id} is flaky: on {where} it ends as {told}. What it says of a changed one "
                "would be chance.",
            )
        elif not outcomes <= {TestOutcome.SKIPPED, TestOutcome.XFAILED}:
            told = " and ".join(sorted(outcomes)) or "not run"
            raise Ended(RunOutcome.INCONCLUSIVE, f"{node_id} does not pass on {where}: {told}.")
    if not passing:
        raise Ended(RunOutcome.INCONCLUSIVE, "All linked tests are skipped or expected to fail.")
    return passing


def _bounded(limits: Limits, slowest_s: float, all_s: float, collected_s: float) -> Limits:
    per_test = max(_LEAST_S, _PATIENCE * slowest_s)
    per_arm = max(2 * _LEAST_S, _PATIENCE * (all_s + collected_s))
    return replace(
        limits,
        per_test_s=min(limits.per_test_s, per_test),
        per_arm_s=min(limits.per_arm_s, max(per_arm, per_test + 1)),
    )


async def others_that_pass(
    factory: Factory,
    plan: RunPlan,
    arm: PreparedArm,
    environment: Mapping[str, Any],
    deadline: float,
    *,
    ships: bool = True,
) -> list[str]:
    """Return the other tests of the suite that pass on an arm: only these can tell.

    Args:
        factory: of the worker.
        plan: of the run.
        arm: what is to be changed.
        environment: what results depend on besides files.
        deadline: when the run's time is over, by the clock of the event loop.
        ships: the arm holds the package in force, of which much may be known.
    """
    passing: set[str] = set()
    if ships:
        known = await factory.execution.known_others(plan, environment)
        passing = {one.node_id for results in known.values() for one in results}
    left = [node_id for node_id in plan.others if node_id not in passing]
    if left:
        limits = factory.limits(factory.target(plan.target))
        passes = Passes(factory.sandbox, arm, limits, draw_seed(), unheard)
        await passes.run_others(left, deadline)
        passing.update(
            one.node_id for one in passes.outcome.results if one.outcome is TestOutcome.PASSED
        )
    return [node_id for node_id in plan.others if node_id in passing]


async def unheard(_: ArmEvent) -> None:
    """Nobody listens."""
