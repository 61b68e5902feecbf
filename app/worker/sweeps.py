"""Executing a sweep: all linked tests of a target in one arm, and what differs a few times more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import structlog

from app.domain.revisions import RevisionRefused
from app.domain.runs import TestResult
from app.domain.sweeps import (
    CONFIRMED,
    TRIES,
    Ending,
    Expected,
    Judgement,
    Standing,
    SweepStatus,
    attempts_of,
    judge,
    wants_more,
)
from app.domain.targets import Target
from app.errors import SandboxRefused, Unavailable
from app.factory import Factory
from app.sandbox.digests import FolderError
from app.sandbox.interface import ArmEvent, PreparedArm
from app.services.execution import GIVEN_BACK_FOR_S
from app.services.sweeping import Found, Looked, SweepAssignment
from app.targets.interpreters import InterpreterFailed
from app.worker.passes import Passes, draw_seed

log = structlog.get_logger(__name__)

_TESTS_IN_THE_TIME_OF_AN_ARM = 200
_PAUSE_S = 1.0


class SweepExecutor:
    """Executes sweeps, one after the other."""

    def __init__(self, factory: Factory, name: str) -> None:
        self._factory = factory
        self._name = name

    async def execute(self, assignment: SweepAssignment) -> None:
        """Execute a sweep that was taken up. Cancelled - the worker stops - it gives it back."""
        structlog.contextvars.bind_contextvars(sweep=str(assignment.sweep.id))
        log.info("sweep.claimed", target=assignment.sweep.target, tickets=len(assignment.tickets))
        sweeping = self._factory.sweeping
        try:
            await self._work(assignment)
        except asyncio.CancelledError:
            back = asyncio.ensure_future(sweeping.give_back(assignment, "its worker was stopped"))
            await asyncio.shield(back)
            raise
        except Exception as error:
            # A fault of ours: repeating it would help nobody.
            log.exception("sweep.broken")
            reason = f"The worker failed on this sweep: {type(error).__name__}."
            await _until_stored(lambda: sweeping.end(assignment, SweepStatus.CANCELLED, reason))
        finally:
            structlog.contextvars.unbind_contextvars("sweep")

    async def _work(self, assignment: SweepAssignment) -> None:
        sweep, sweeping = assignment.sweep, self._factory.sweeping
        try:
            target = self._factory.target(sweep.target)
            environment = await asyncio.to_thread(self._factory.environment_of, target)
        except (Unavailable, InterpreterFailed) as error:
            told = str(error) or "its target cannot be run here"
            await _until_stored(
                lambda: sweeping.give_back(assignment, told, rest_s=GIVEN_BACK_FOR_S)
            )
            return
        arm = await self._prepared(assignment, target)
        if arm is None:
            return
        with self._factory.arms.hold([arm]):
            results = await self._run(assignment.tickets, target, arm)
        found = Found(
            package_digest=arm.package_digest,
            suite_digest=arm.suite_digest,
            results=results,
            environment={**environment, "worker": self._name},
        )
        if await self._say_all(assignment, found, target):
            await _until_stored(lambda: sweeping.end(assignment, SweepStatus.FINISHED))
            log.info("sweep.finished")

    async def _prepared(self, assignment: SweepAssignment, target: Target) -> PreparedArm | None:
        """Return the arm; None when there is none to be had, and the sweep was dealt with."""
        sweep, sweeping = assignment.sweep, self._factory.sweeping
        submitted = assignment.submitted
        if submitted:
            try:
                await self._factory.client_code.require_cage("A submitted test of this sweep")
            except SandboxRefused as refused:
                log.warning("sweep.without-submitted", reason=refused.detail)
                submitted = {}  # they did not run, and say nothing
        reason = "Something else came into force before it was looked at."
        try:
            arm = await asyncio.to_thread(
                self._factory.prepare, target, revision=sweep.revision, extra_files=submitted
            )
        except (RevisionRefused, FolderError, OSError) as error:
            reason = f"It could not be read: {error}"
        else:
            if arm.package_digest == sweep.package_digest:
                return arm
            if await sweeping.is_in_force(sweep):
                waits = f"waits for a worker with package {sweep.package_digest[:12]}"
                await _until_stored(
                    lambda: sweeping.give_back(assignment, waits, rest_s=GIVEN_BACK_FOR_S)
                )
                return None
        await _until_stored(lambda: sweeping.end(assignment, SweepStatus.CANCELLED, reason))
        return None

    async def _run(
        self, tickets: Iterable[Looked], target: Target, arm: PreparedArm
    ) -> dict[str, list[TestResult]]:
        """Run all linked tests once, and those again that do not end as they are known to."""
        tickets = list(tickets)
        limits = self._factory.limits(target)
        passes = Passes(self._factory.sandbox, arm, limits, draw_seed(), _unheard)
        all_tests = list(dict.fromkeys(node for one in tickets for node in one.node_ids))
        arms_worth = 1 + len(all_tests) // _TESTS_IN_THE_TIME_OF_AN_ARM
        deadline = asyncio.get_running_loop().time() + limits.per_arm_s * arms_worth
        await passes.run_others(all_tests, deadline)
        once = _by_test(passes)
        again = [one for one in tickets if wants_more(one.expected, _attempts(one, once))]
        tests = list(dict.fromkeys(node for one in again for node in one.node_ids))
        if tests:
            for repeat in range(2, TRIES + 1):
                last = repeat == TRIES
                await passes.run_fresh(tests, repeat, deadline, other_seeds=last)
            firm = _all_failed(again, _by_test(passes))
            for repeat in range(TRIES + 1, CONFIRMED + 1 if firm else 0):
                await passes.run_fresh(firm, repeat, deadline)
        return _by_test(passes)

    async def _say_all(self, assignment: SweepAssignment, found: Found, target: Target) -> bool:
        """Say what was seen of each ticket; False when this attempt no longer counts."""
        sweeping = self._factory.sweeping
        held: list[tuple[Looked, Judgement]] = []
        others: list[Looked] = []
        for looked in assignment.tickets:
            attempts = _attempts(looked, found.results)
            if wants_more(looked.expected, attempts) or looked.expected is Expected.FAIL:
                others.append(looked)
            else:
                held.append((looked, judge(Standing(looked.expected), attempts)))
        if not await _until_stored(lambda: sweeping.say_held(assignment, held)):
            return False
        for looked in others:
            if not await _until_stored(
                lambda one=looked: sweeping.say(assignment, one, found, target)  # type: ignore[misc]
            ):
                return False
        return True


async def _unheard(_: ArmEvent) -> None:
    """Let what is seen on the way go."""


def _by_test(passes: Passes) -> dict[str, list[TestResult]]:
    found: dict[str, list[TestResult]] = {}
    for result in passes.outcome.results:
        found.setdefault(result.node_id, []).append(result)
    return found


def _attempts(looked: Looked, results: Mapping[str, Iterable[TestResult]]) -> Any:
    own = [one for node_id in looked.node_ids for one in results.get(node_id, ())]
    return attempts_of(looked.node_ids, own)


def _all_failed(tickets: Iterable[Looked], results: Mapping[str, list[TestResult]]) -> list[str]:
    """Return the tests of which every execution failed, and that were known to pass."""
    found: dict[str, None] = {}
    for looked in tickets:
        if looked.expected is not Expected.PASS:
            continue
        for node_id, attempts in _attempts(looked, results).items():
            if attempts and all(one.ending is Ending.FAILED for one in attempts):
                found[node_id] = None
    return list(found)


async def _until_stored(store: Callable[[], Awaitable[bool]]) -> bool:
    """Store something, as often as it takes while the database is away."""
    while True:
        try:
            return await store()
        except Unavailable as error:
            log.warning("sweep.not-stored", reason=error.detail)
            await asyncio.sleep(_PAUSE_S)
