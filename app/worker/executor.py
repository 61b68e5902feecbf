"""Executing one run: its arms in the sandbox, results to the service."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from app.domain.arms import judged_last, mismatch, ships
from app.domain.diffs import PatchError
from app.domain.revisions import RevisionRefused
from app.domain.runs import EXPLORING, ArmPlan, ArmResult, RunKind, TestResult
from app.domain.targets import Target
from app.errors import SandboxRefused, Unavailable
from app.factory import Factory
from app.sandbox.digests import FolderError
from app.sandbox.interface import ArmEvent, PreparedArm
from app.services.execution import GIVEN_BACK_FOR_S, Assignment
from app.services.run_ends import Explored
from app.storage.notifier import set_within
from app.storage.runs import ClaimedRun
from app.targets.interpreters import InterpreterFailed
from app.worker.arms_of_run import ArmsOfRun
from app.worker.bisection import BisectionRun
from app.worker.events import EventBatch
from app.worker.minimise import Reduction
from app.worker.passes import Passes, draw_seed, file_of
from app.worker.rest_of_suite import ArmExecution, RestOfSuite
from app.worker.strength import Measurement

log = structlog.get_logger(__name__)

_FIRST_LOOKS_FOR_CANCEL_AFTER_S = 0.5
"""It may have been cancelled before this worker began to listen."""
_LOOKS_FOR_CANCEL_EVERY_S = 5.0
_WAITS_FOR_FILES_S = 3600.0
"""So long a run waits for a worker with the files that it was triggered for."""


class _NotHere(Exception):
    """A run is given back; the message says why it cannot be executed here and now."""


class _Broken(Exception):
    """A run fails; the message says why it cannot be executed."""


class Executor:
    """Executes runs, one after the other or several at once."""

    def __init__(self, factory: Factory, name: str) -> None:
        self._factory = factory
        self._name = name

    async def execute(self, assignment: Assignment, on_idle: Callable[[], None]) -> None:
        """Execute a run that was taken up and store how it ended.

        Args:
            assignment: the run.
            on_idle: called when nothing of it is executed any more, only its end to be stored.

        Cancelled - the worker stops - it gives the run back.
        """
        run = assignment.run
        # Every line that is logged from here on names the run and the request that asked for it.
        structlog.contextvars.bind_contextvars(
            run=str(run.id), attempt=run.attempt, request_id=run.request_id
        )
        log.info("run.claimed", kind=run.kind.value)

        def executed() -> None:
            watch.cancel()  # an end that is not wanted any more is not stored
            on_idle()

        work = asyncio.create_task(self._work(assignment, executed))
        watch = asyncio.create_task(self._cancel_when_unwanted(run, work))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            if (task := asyncio.current_task()) is not None and task.cancelling():
                await self._factory.execution.give_back(assignment, "its worker was stopped")
                raise
            log.info("run.unwanted")
            await _until_stored(lambda: self._factory.execution.let_go(assignment))
        finally:
            watch.cancel()

    async def _cancel_when_unwanted(self, run: ClaimedRun, work: asyncio.Task[None]) -> None:
        pause = _FIRST_LOOKS_FOR_CANCEL_AFTER_S
        async with self._factory.notifier.watching_end(run.id) as over:
            while not work.done():
                await set_within(over, pause)
                over.clear()
                if not await self._is_wanted(run):
                    work.cancel()
                    return
                pause = _LOOKS_FOR_CANCEL_EVERY_S

    async def _is_wanted(self, run: ClaimedRun) -> bool:
        try:
            return await self._factory.execution.is_current(run)
        except Unavailable:
            return True  # while nobody can say, the work goes on

    async def _work(self, assignment: Assignment, on_idle: Callable[[], None]) -> None:
        try:
            await self._try_to_work(assignment, on_idle)
        except Exception as error:
            # A fault of ours, or a result that cannot be stored: repeating it would help nobody.
            log.exception("run.broken")
            reason = f"The worker failed on this run: {type(error).__name__}."
            await self._fail(assignment, reason)

    async def _fail(self, assignment: Assignment, reason: str) -> None:
        environment = {"worker": self._name}
        with contextlib.suppress(InterpreterFailed, Unavailable):
            environment = await self._environment(self._factory.target(assignment.run.plan.target))
        await _until_stored(lambda: self._factory.execution.fail(assignment, reason, environment))

    async def _try_to_work(self, assignment: Assignment, on_idle: Callable[[], None]) -> None:
        try:
            await self._execute(assignment, on_idle)
        except _NotHere as reason:
            await self._give_back(assignment, str(reason))
        except _Broken as reason:
            await self._fail(assignment, str(reason))

    async def _execute(self, assignment: Assignment, on_idle: Callable[[], None]) -> None:
        """Take a run the whole way: prepare its arms, execute its tests, store what came of it.

        Raises:
            _NotHere: it cannot be executed here and now.
            _Broken: it cannot be executed at all.
        """
        run, execution = assignment.run, self._factory.execution
        target, environment = await self._place(run)
        arms, rest = await self._arms_of(assignment)
        await self._require_cage(run)
        _require_same_files(run, arms)
        asks_again = run.force or run.kind in EXPLORING
        if not asks_again and await execution.reuse(assignment, environment):
            log.info("run.reused")
            return
        store: Callable[..., Awaitable[bool]]
        async with EventBatch(execution, run) as events:
            if run.kind in EXPLORING:
                places = [place for _, place in arms]
                explored = await self._explore(assignment, target, places, environment, events)
                store = functools.partial(execution.end_exploring, assignment, explored)
            else:
                with self._factory.arms.hold([place for _, place in arms] + rest):
                    results = await self._run_arms(run, target, arms, rest, events, environment)
                store = functools.partial(execution.finish, assignment, results)
        on_idle()
        unseen = events.rest()
        finished = await _until_stored(lambda: store(environment, unseen))
        log.info("run.finished", counted=finished)

    async def _place(self, run: ClaimedRun) -> tuple[Target, dict[str, Any]]:
        """Return the target of a run, and what its results depend on besides its files."""
        try:
            target = self._factory.target(run.plan.target)
            return target, await self._environment(target)
        except Unavailable as error:
            raise _NotHere(error.detail) from None
        except InterpreterFailed as failure:
            raise _Broken(f"{run.plan.target} cannot be run: {failure}.") from None

    async def _arms_of(
        self, assignment: Assignment
    ) -> tuple[list[tuple[ArmPlan, PreparedArm]], list[PreparedArm]]:
        """Return the arms of a run, and where the rest of the suite runs."""
        try:
            arms = await self._prepared(assignment, assignment.submitted)
            return arms, await self._prepared_rest(assignment, arms)
        except (PatchError, FolderError, RevisionRefused, OSError) as error:
            raise _Broken(f"An arm could not be prepared: {error}") from error

    async def _explore(
        self,
        assignment: Assignment,
        target: Target,
        arms: Sequence[PreparedArm],
        environment: dict[str, Any],
        events: EventBatch,
    ) -> Explored:
        """Execute a run that measures strength, bisects or reduces a fix."""
        run, factory = assignment.run, self._factory
        if run.kind is RunKind.STRENGTH:
            measurement = Measurement(factory, run, target, arms[0], environment, events)
            explored = await measurement.execute()
        elif run.kind is RunKind.MINIMISE:
            with factory.arms.hold(arms):
                reduction = Reduction(factory, assignment, arms[0], arms[1], environment, events)
                explored = await reduction.execute()
        else:
            submitted = assignment.submitted
            bisection = BisectionRun(factory, run, target, submitted, environment, events)
            explored = await bisection.execute()
        if isinstance(explored, SandboxRefused):
            raise _NotHere(explored.detail)
        return explored

    async def _give_back(self, assignment: Assignment, reason: str) -> None:
        execution = self._factory.execution
        await _until_stored(
            lambda: execution.give_back(assignment, reason, rest_s=GIVEN_BACK_FOR_S)
        )
        log.info("run.given-back", reason=reason)

    async def _require_cage(self, run: ClaimedRun) -> None:
        """Check once more, here where it would run, that a client's code is caged."""
        try:
            client_code = self._factory.client_code
            if run.plan.submitted or run.plan.others_submitted:
                await client_code.require_cage("A submitted test of this run")
            if run.plan.strength is not None:
                await client_code.require_cage("A mutant", "is code that nobody has read")
            if run.plan.minimise is not None:
                await client_code.require_cage("Part of a patch", "is code that nobody has read")
            used = [arm.patch.digest for arm in run.plan.arms if arm.patch is not None]
            if used:
                snapshot = await self._factory.catalogues.of(run.plan.target).snapshot()
                await client_code.require_for_patches(used, snapshot)
        except SandboxRefused as error:
            raise _NotHere(error.detail) from None

    async def _environment(self, target: Target) -> dict[str, Any]:
        known = await asyncio.to_thread(self._factory.environment_of, target)
        return {**known, "worker": self._name}

    async def _prepared(
        self, assignment: Assignment, extra: Mapping[str, str]
    ) -> list[tuple[ArmPlan, PreparedArm]]:
        return [
            (arm, await self._prepare(assignment, arm, extra)) for arm in assignment.run.plan.arms
        ]

    async def _prepared_rest(
        self, assignment: Assignment, arms: list[tuple[ArmPlan, PreparedArm]]
    ) -> list[PreparedArm]:
        """Where the rest of the suite runs: with the tests that were handed in for others."""
        if assignment.others_submitted:
            extra = {**assignment.others_submitted, **assignment.submitted}
            arms = await self._prepared(assignment, extra)
        return [place for _, place in arms]

    async def _prepare(
        self, assignment: Assignment, arm: ArmPlan, extra: Mapping[str, str]
    ) -> PreparedArm:
        text = None if arm.patch is None else assignment.patches[arm.patch.digest]
        reverse = arm.patch is not None and arm.patch.reverse
        return await asyncio.to_thread(
            self._factory.prepare,
            self._factory.target(assignment.run.plan.target),
            text,
            reverse,
            revision=arm.revision,
            in_force=assignment.run.plan.revision,
            extra_files=extra,
        )

    async def _run_arms(
        self,
        run: ClaimedRun,
        target: Target,
        arms: list[tuple[ArmPlan, PreparedArm]],
        places_of_rest: list[PreparedArm],
        events: EventBatch,
        environment: dict[str, Any],
    ) -> list[ArmResult]:
        """Run all arms, as many side by side as there are cores, and the rest of the suite."""
        seed = draw_seed()
        known, limits = dict(environment), self._factory.limits(target)

        async def on_event(arm: ArmPlan, event: ArmEvent) -> None:
            events.add(event.kind, {"arm": arm.name, **event.data})

        def passes(arm: ArmPlan, place: PreparedArm) -> Passes:
            told = functools.partial(on_event, arm)
            return Passes(self._factory.sandbox, place, limits, seed, told)

        of_run = ArmsOfRun(run.plan, arms, places_of_rest, passes)
        executions = of_run.executed
        free = asyncio.Semaphore(os.cpu_count() or 1)
        linked = [test.node_id for test in run.plan.tests]
        decides = run.kind is RunKind.PROOF
        rest = RestOfSuite(
            node_ids=run.plan.others,
            known=await self._known(run, known),
            files=[f"{target.suite}/{file.path}" for file in run.plan.others_submitted],
            before=of_run.before,
            after=of_run.after,
            free=free,
            limit_s=target.others_s,
            linked_files={file_of(node_id) for node_id in linked},
            most_s=limits.per_arm_s,
        )

        async def run_linked(one: ArmExecution) -> None:
            async with free:
                await one.linked.run_linked(linked, run.plan.repeats, decides=decides)

        async with asyncio.TaskGroup() as group:
            if decides and run.plan.repeats > 1:
                group.create_task(self._factory.sandbox.warm(target.interpreter, other_seeds=True))
            for one in executions:
                group.create_task(run_linked(one))
            if run.plan.others or run.plan.others_submitted:
                group.create_task(rest.run())
        hashes = [number for one in executions for number in one.linked.outcome.hash_seeds]
        seeds = {"hash": list(dict.fromkeys(hashes)), "random": seed}
        for one in executions:
            environment.update(one.environment)
        environment.update(known, seeds=seeds)
        return of_run.results()

    async def _known(self, run: ClaimedRun, environment: Mapping[str, Any]) -> list[TestResult]:
        """Return results of the rest of the suite that the arm after need not give again."""
        if not run.plan.others or not ships(run.plan.arms[judged_last(run.plan.arms)], run.plan):
            return []
        known = await self._factory.execution.known_others(run.plan, environment)
        return [result for results in known.values() for result in results]


def _require_same_files(run: ClaimedRun, arms: Sequence[tuple[ArmPlan, PreparedArm]]) -> None:
    """See that the files here are those that the run was triggered for."""
    wrong = mismatch(
        run.plan,
        suite=arms[0][1].suite_digest,
        packages={arm.name: place.package_digest for arm, place in arms},
    )
    if wrong is None:
        return
    if run.waited_s > _WAITS_FOR_FILES_S:
        raise _Broken(f"Nobody took it for an hour: it {wrong}.")
    raise _NotHere(wrong)


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
