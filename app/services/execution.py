"""Runs as workers see them: take, record what is seen, finish.

A job of the queue and the run behind it change in one transaction: a worker that is lost between
any two steps leaves a run that waits, one that is finished, or one that the rescue finds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.domain import outcomes
from app.domain.runs import (
    ArmResult,
    RunOutcome,
    RunPlan,
    RunStatus,
    TestMode,
    TestOutcome,
    TestResult,
    Verdict,
)
from app.domain.targets import BUNDLED
from app.services.evidence import reassess
from app.services.run_ends import (
    MAX_ATTEMPTS,
    Events,
    Explored,
    as_events,
    end_unread,
    store_end,
    suite_key,
)
from app.services.tallying import (
    any_flips,
    fails_by_interface,
    passed_before,
)
from app.storage.jobs import Job
from app.storage.runs import ClaimedRun, UnreadablePlan
from app.storage.unit import Stores, UnitOfWork

log = logging.getLogger(__name__)

GIVEN_BACK_FOR_S = 2.0
"""How long a run rests before another worker may take it."""


_UNREADABLE_FOR_S = 60.0


@dataclass(frozen=True)
class Slot:
    """A worker as the queue knows it."""

    name: str
    number: int


@dataclass(frozen=True)
class Assignment:
    """A claimed run with the texts of the patches and submitted tests that it needs."""

    job: Job
    run: ClaimedRun
    patches: Mapping[str, str]
    """Texts by digest."""
    submitted: Mapping[str, str]
    """Sources by path below the suite."""
    others_submitted: Mapping[str, str] = field(default_factory=dict)
    """Sources of those that count among the other tests, by path below the suite."""


class ExecutionService:
    """The worker's side of runs."""

    def __init__(
        self, unit: UnitOfWork, targets: Callable[[], Sequence[str]] = lambda: (BUNDLED,)
    ) -> None:
        """`targets` tells which ones this process can run."""
        self._unit = unit
        self._targets = targets

    async def take(self, slot: Slot) -> Assignment | None:
        """Take up the run that waits longest; None when none does.

        Jobs whose run needs no execution any more are cleared away on the way.

        Raises:
            WorkerForgotten: the worker was given up; it needs another number.
        """
        async with self._unit.begin() as stores:
            while (job := await stores.jobs.take(slot.number, self._targets())) is not None:
                try:
                    assignment = await self._claim(stores, job, slot.name)
                except UnreadablePlan as unreadable:
                    # Another version's plan, perhaps. It must not stand in the way of the others.
                    log.exception("the plan of run %s cannot be read", job.run_id)
                    await self._put_off(stores, job, unreadable)
                    continue
                if assignment is not None:
                    return assignment
                await stores.jobs.finish(job)
        return None

    async def _claim(self, stores: Stores, job: Job, worker: str) -> Assignment | None:
        run = await stores.runs.claim(job.run_id, worker, most=MAX_ATTEMPTS)
        if run is None:
            await self._give_up(stores, job, worker)
            return None
        status = {"status": RunStatus.RUNNING.value, "worker": worker}
        # Whoever made an earlier attempt is lost, or has to hear that it is not wanted any more.
        again = run.attempt > 1
        await stores.run_events.add(run.id, run.attempt, "status", status, over=again)
        digests = [arm.patch.digest for arm in run.plan.arms if arm.patch is not None]
        digests += [file.digest for file in (*run.plan.submitted, *run.plan.others_submitted)]
        texts = await stores.patches.texts_of(digests) if digests else {}
        if not texts.keys() >= set(digests):
            raise UnreadablePlan(run.id, run.ticket_id, run.kind, run.attempt)
        return Assignment(
            job=job,
            run=run,
            patches=texts,
            submitted={file.path: texts[file.digest] for file in run.plan.submitted},
            others_submitted={file.path: texts[file.digest] for file in run.plan.others_submitted},
        )

    async def _put_off(self, stores: Stores, job: Job, run: UnreadablePlan) -> None:
        """Let a run rest whose plan this worker cannot read; after the last attempt it ends."""
        await stores.runs.mark_resting(
            run.id,
            run.attempt,
            f"Its plan could not be read, {run.attempt} of {MAX_ATTEMPTS} times.",
        )
        last = run.attempt >= MAX_ATTEMPTS
        await stores.jobs.put_back(job, 0 if last else _UNREADABLE_FOR_S)

    async def _give_up(self, stores: Stores, job: Job, worker: str) -> None:
        """End a run as ``error`` that has cost three workers, instead of taking a fourth down.

        Nothing, when it could not be claimed because it has ended.
        """
        key = await stores.runs.ticket_of(job.run_id)
        if key is None or await stores.tickets.lock(key) is None:
            return
        # Only now: whoever holds a run and its ticket has locked the ticket first.
        try:
            run = await stores.runs.claim(job.run_id, worker)
        except UnreadablePlan as unreadable:
            await end_unread(stores, unreadable)
            return
        if run is not None:
            lost = Verdict(
                RunOutcome.ERROR,
                f"The worker was lost {MAX_ATTEMPTS} times while it executed this run.",
            )
            await store_end(stores, run, lost, (), {})

    async def is_current(self, run: ClaimedRun) -> bool:
        """Tell whether this attempt is still wanted: not cancelled, not taken up by another."""
        async with self._unit.read() as stores:
            return await stores.runs.is_current(run.id, run.attempt)

    async def record(self, run: ClaimedRun, events: Events) -> None:
        """Record what was seen while the run goes on; nothing when the attempt is over."""
        async with self._unit.begin() as stores:
            if await stores.runs.hold(run.id, run.attempt):
                await stores.run_events.add_many(run.id, run.attempt, events)

    async def give_back(self, assignment: Assignment, reason: str, *, rest_s: float = 0.0) -> bool:
        """Put a run back that this worker cannot take; `reason` is shown while it waits."""
        run = assignment.run
        async with self._unit.begin() as stores:
            current = await stores.runs.mark_given_back(run, reason)
            if current:
                waiting = {"status": RunStatus.QUEUED.value, "reason": reason}
                await stores.run_events.add(run.id, run.attempt, "status", waiting)
                await stores.jobs.put_back(assignment.job, rest_s)
            else:
                await stores.jobs.finish(assignment.job)
            return current

    async def let_go(self, assignment: Assignment) -> bool:
        """Clear the job away of a run that is not wanted any more."""
        async with self._unit.begin() as stores:
            await stores.jobs.finish(assignment.job)
        return True

    async def reuse(self, assignment: Assignment, environment: Mapping[str, Any]) -> bool:
        """Finish a run with the results of an earlier one that asked the same; False: none did."""
        run = assignment.run
        async with self._unit.read() as stores:
            earlier = await stores.runs.find_reusable(run, environment)
            # A lucky result is never reused.
            if earlier is None or await any_flips(stores, run.plan, earlier.arms, environment):
                return False
            before = await passed_before(stores, run.plan, earlier.arms, environment)
        verdict = outcomes.decide(run.kind, run.plan, earlier.arms, passed_before=before)
        return await self._end(
            assignment,
            verdict,
            earlier.arms,
            earlier.environment,
            events=as_events(earlier.arms),
            reused_from=earlier.id,
        )

    async def known_others(
        self, plan: RunPlan, environment: Mapping[str, Any]
    ) -> dict[str, tuple[TestResult, ...]]:
        """Return results of the other tests that are known of the package as it ships, by file.

        Whole files of which every test passed in one process, in the same environment and at the
        digests of `plan`: they need not run again, and stand among the results of that arm.
        """
        async with self._unit.read() as stores:
            known = await stores.suite_results.known(suite_key(plan, environment))
        others = set(plan.others)
        return {
            path: tuple(
                TestResult(node_id, TestOutcome.PASSED, "call", mode=TestMode.TOGETHER)
                for node_id in node_ids
            )
            for path, node_ids in known.items()
            if others.issuperset(node_ids)
        }

    async def finish(
        self,
        assignment: Assignment,
        arms: Sequence[ArmResult],
        environment: Mapping[str, Any],
        events: Events = (),
    ) -> bool:
        """Decide and store how a run ended; False when this attempt no longer counts.

        `events` are those that were seen last and not recorded yet. `environment` is what the
        worker knows of it; what a guest says of itself counts for less.
        """
        run = assignment.run
        before: set[str] = set()
        if fails_by_interface(arms):
            async with self._unit.read() as stores:
                before = await passed_before(stores, run.plan, arms, environment)
        verdict = outcomes.decide(run.kind, run.plan, arms, passed_before=before)
        return await self._end(assignment, verdict, arms, environment, events=events)

    async def end_exploring(
        self,
        assignment: Assignment,
        explored: Explored,
        environment: Mapping[str, Any],
        events: Events = (),
    ) -> bool:
        """Store how a run ended that decides no evidence; False when it no longer counts."""
        return await self._end(
            assignment,
            explored.verdict,
            explored.arms,
            environment,
            events=events,
            explored=explored,
        )

    async def fail(
        self, assignment: Assignment, reason: str, environment: Mapping[str, Any]
    ) -> bool:
        """Store that the machinery failed; False when this attempt no longer counts."""
        return await self._end(assignment, Verdict(RunOutcome.ERROR, reason), (), environment)

    async def _end(
        self,
        assignment: Assignment,
        verdict: Verdict,
        arms: Sequence[ArmResult],
        environment: Mapping[str, Any],
        *,
        events: Events = (),
        reused_from: UUID | None = None,
        explored: Explored | None = None,
    ) -> bool:
        run = assignment.run
        others: set[str] = set()
        async with self._unit.begin() as stores:
            current = await store_end(
                stores,
                run,
                verdict,
                arms,
                environment,
                events=events,
                reused_from=reused_from,
                others=others,
                explored=explored,
            )
            await stores.jobs.finish(assignment.job)
        for key in sorted(others):
            async with self._unit.begin() as stores:
                ticket = await stores.tickets.lock(key)
                if ticket is not None:
                    await reassess(stores, ticket.id, key)
        return current
