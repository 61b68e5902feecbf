"""Executing one run: its arms in the sandbox, results to the service."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import structlog

from app.domain.diffs import PatchError
from app.domain.runs import ArmPlan, ArmResult, TestResult
from app.errors import Unavailable
from app.factory import Factory
from app.sandbox.digests import FolderError
from app.sandbox.interface import (
    ArmEvent,
    ArmReport,
    ArmRequest,
    ArmStatus,
    PreparedArm,
)
from app.services.execution import Assignment
from app.storage.runs import ClaimedRun

log = structlog.get_logger(__name__)

_LOOKS_FOR_CANCEL_EVERY_S = 5.0


class Executor:
    """Executes runs, one after the other or several at once."""

    def __init__(self, factory: Factory, name: str) -> None:
        self._factory = factory
        self._name = name

    async def execute(self, run_id: UUID) -> None:
        """Take up a run, execute it and store how it ended; nothing when it is not wanted."""
        execution = self._factory.execution
        assignment = await execution.claim(run_id, self._name)
        if assignment is None:
            log.info("run.not-wanted", run=str(run_id))
            return
        run = assignment.run
        log.info("run.claimed", run=str(run_id), attempt=run.attempt, kind=run.kind.value)
        work = asyncio.create_task(self._work(assignment))
        watch = asyncio.create_task(self._cancel_when_unwanted(run, work))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            log.info("run.unwanted", run=str(run_id), attempt=run.attempt)
        finally:
            watch.cancel()

    async def _cancel_when_unwanted(self, run: ClaimedRun, work: asyncio.Task[None]) -> None:
        async with self._factory.bell.watching(run.id) as changed:
            while not work.done():
                changed.clear()
                if not await self._is_wanted(run):
                    work.cancel()
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), _LOOKS_FOR_CANCEL_EVERY_S)

    async def _is_wanted(self, run: ClaimedRun) -> bool:
        try:
            return await self._factory.execution.is_current(run)
        except Unavailable:
            return True  # while nobody can say, the work goes on

    async def _work(self, assignment: Assignment) -> None:
        run, execution = assignment.run, self._factory.execution
        environment: dict[str, Any] = {"worker": self._name}
        try:
            arms = await self._arms(assignment, environment)
        except (PatchError, FolderError, OSError) as error:
            reason = f"An arm could not be prepared: {error}"
            await _until_stored(lambda: execution.fail(run, reason, environment))
            return
        finished = await _until_stored(lambda: execution.finish(run, arms, environment))
        log.info("run.finished", run=str(run.id), attempt=run.attempt, counted=finished)

    async def _arms(self, assignment: Assignment, environment: dict[str, Any]) -> list[ArmResult]:
        plan = assignment.run.plan
        prepared = [await self._prepare(assignment, arm) for arm in plan.arms]
        results = []
        for arm, place in zip(plan.arms, prepared, strict=True):
            wrong = _mismatch(plan.package_digest, plan.suite_digest, arm, place)
            if wrong is not None:
                failed = ArmResult(arm.name, place.package_digest, (), arm.patch, failure=wrong)
                results.append(failed)
                continue
            results.append(await self._run_arm(assignment.run, arm, place, environment))
        return results

    async def _prepare(self, assignment: Assignment, arm: ArmPlan) -> PreparedArm:
        text = None if arm.patch is None else assignment.patches[arm.patch.digest]
        reverse = arm.patch is not None and arm.patch.reverse
        return await asyncio.to_thread(
            self._factory.arms.prepare, self._factory.target, text, reverse
        )

    async def _run_arm(
        self, run: ClaimedRun, arm: ArmPlan, place: PreparedArm, environment: dict[str, Any]
    ) -> ArmResult:
        linked = [test.node_id for test in run.plan.tests]

        async def on_event(event: ArmEvent) -> None:
            await self._factory.execution.record(run, event.kind, {"arm": arm.name, **event.data})

        gathered: list[TestResult] = []
        for repeat in range(1, run.plan.repeats + 1):
            wanted = linked if repeat > 1 else [*linked, *run.plan.others]
            request = ArmRequest(place, wanted, self._factory.limits, repeat)
            report = await self._factory.sandbox.run(request, on_event)
            environment.update(_environment(report))
            gathered += report.results
            if report.status is not ArmStatus.COMPLETED:
                return _arm_result(arm, place, gathered, report)
        return _arm_result(arm, place, gathered, None)


async def _until_stored(store: Callable[[], Awaitable[bool]]) -> bool:
    """Store a result, as often as it takes while the database is away: it is not lost."""
    pause = 0.1
    while True:
        try:
            return await store()
        except Unavailable as error:
            log.warning("run.not-stored", reason=str(error), again_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)


def _mismatch(
    package_digest: str, suite_digest: str, arm: ArmPlan, place: PreparedArm
) -> str | None:
    """Return why an arm is not what the run was triggered for, or None."""
    if place.suite_digest != suite_digest:
        return "the suite changed after the run was triggered; trigger it again"
    if arm.patch is None and place.package_digest != package_digest:
        return "the package changed after the run was triggered; trigger it again"
    return None


def _environment(report: ArmReport) -> Mapping[str, Any]:
    return {**report.environment, "layers": list(report.layers)}


def _arm_result(
    arm: ArmPlan, place: PreparedArm, results: list[TestResult], bad: ArmReport | None
) -> ArmResult:
    failure, timed_out = None, False
    if bad is not None:
        timed_out = bad.status is ArmStatus.TIMED_OUT
        if not timed_out:
            reason = f": {bad.reason}" if bad.reason else ""
            failure = f"{bad.status.value}{reason}"
    return ArmResult(
        name=arm.name,
        package_digest=place.package_digest,
        results=tuple(results),
        patch=arm.patch,
        failure=failure,
        timed_out=timed_out,
    )
