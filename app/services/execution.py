"""Runs as workers see them: take, record what is seen, finish.

A job of the queue and the run behind it change in one transaction: a worker that is lost between
any two steps leaves a run that waits, one that is finished, or one that the rescue finds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.domain import evidence, outcomes
from app.domain.arms import judged_last, proof_by, ships
from app.domain.bisection.run import Found
from app.domain.catalogue import TargetState
from app.domain.environment import environment_digest
from app.domain.evidence import Digests, FinishedRun
from app.domain.flakes import Tally
from app.domain.minimise import Minimised
from app.domain.others import whole_files
from app.domain.readings import failing
from app.domain.runs import (
    EXPLORING,
    ArmResult,
    RunKind,
    RunOutcome,
    RunPlan,
    RunStatus,
    TestMode,
    TestOutcome,
    TestResult,
    Verdict,
)
from app.domain.targets import BUNDLED
from app.services.bisecting import store_bisected
from app.services.evidence import ground_of, reassess, reassess_for, shown_now, uses_digest
from app.services.measuring import store_measured
from app.services.tallying import (
    any_flips,
    fails_by_interface,
    passed_before,
    seen,
    used_test_files,
)
from app.storage.jobs import Job
from app.storage.runs import ClaimedRun, UnreadablePlan
from app.storage.suite_results import SuiteKey
from app.storage.tallies import TallyKey
from app.storage.unit import Stores, UnitOfWork

log = logging.getLogger(__name__)

GIVEN_BACK_FOR_S = 2.0
"""How long a run rests before another worker may take it."""

MAX_ATTEMPTS = 3
"""So often a run is taken up before its loss counts as its outcome."""

_UNREADABLE_FOR_S = 60.0

Events = Sequence[tuple[str, Mapping[str, Any]]]
"""What was seen of a run: kinds and data."""


@dataclass(frozen=True)
class Seat:
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


@dataclass(frozen=True)
class Explored:
    """How a run ended that decides no evidence: it measured, bisected or reduced something."""

    verdict: Verdict
    arms: tuple[ArmResult, ...] = ()
    found: Found | None = None
    """What a bisection found."""
    minimised: Minimised | None = None
    """What is left of a patch."""


class ExecutionService:
    """The worker's side of runs."""

    def __init__(
        self, unit: UnitOfWork, targets: Callable[[], Sequence[str]] = lambda: (BUNDLED,)
    ) -> None:
        """`targets` tells which ones this process can run."""
        self._unit = unit
        self._targets = targets

    async def take(self, seat: Seat) -> Assignment | None:
        """Take up the run that waits longest; None when none does.

        Jobs whose run needs no execution any more are cleared away on the way.

        Raises:
            WorkerForgotten: the worker was given up; it needs another number.
        """
        async with self._unit.begin() as stores:
            while (job := await stores.jobs.take(seat.number, self._targets())) is not None:
                try:
                    assignment = await self._claim(stores, job, seat.name)
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
            await self._end_unread(stores, unreadable)
            return
        if run is not None:
            lost = Verdict(
                RunOutcome.ERROR,
                f"The worker was lost {MAX_ATTEMPTS} times while it executed this run.",
            )
            await self._store(stores, run, lost, (), {})

    async def _end_unread(self, stores: Stores, run: UnreadablePlan) -> None:
        """End a run that no worker could read; it says nothing of its ticket."""
        verdict = Verdict(
            RunOutcome.ERROR,
            f"Its plan could not be read, {MAX_ATTEMPTS} times: another version stored it, or it "
            "is damaged. Ask for another run.",
        )
        took = await stores.runs.mark_finished(
            run.id, run.attempt, verdict, arms=(), environment={}, decided=None
        )
        if took is None:
            return
        await stores.ticket_edits.save_last_attempt(run.ticket_id, _attempt(run, verdict))
        await self._tell_end(stores, run, verdict, ())
        await stores.counters.count_run(None, run.kind, verdict.outcome, took)

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
            events=_as_events(earlier.arms),
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
            known = await stores.suite_results.known(_suite_key(plan, environment))
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
            current = await self._store(
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

    async def conclude(
        self,
        stores: Stores,
        run: ClaimedRun,
        verdict: Verdict,
        arms: Sequence[ArmResult],
        environment: Mapping[str, Any],
    ) -> set[str]:
        """Store how a run ended, in the caller's transaction, which holds its ticket.

        Returns:
            Keys of tickets whose evidence has to be looked at in transactions of their own.
        """
        others: set[str] = set()
        await self._store(
            stores, run, verdict, arms, environment, events=_as_events(arms), others=others
        )
        return others

    async def _tell_others(
        self, stores: Stores, run: ClaimedRun, target: TargetState, flipped: Collection[str]
    ) -> set[str]:
        """Bring the evidence of other tickets up to date whose tests this run saw flip.

        Returns:
            Those that somebody else holds. They have to be told in transactions of their own: two
            runs must not wait for each other's tickets in a ring.
        """
        if not flipped:
            return set()
        keys = await stores.links.tickets_of(run.plan.target, flipped) - {run.ticket}
        free = await stores.ticket_edits.hold_free(keys)
        for ticket_id, key in free:
            await reassess_for(stores, ticket_id, key, target)
        return keys - {key for _, key in free}

    async def _store(
        self,
        stores: Stores,
        run: ClaimedRun,
        verdict: Verdict,
        arms: Sequence[ArmResult],
        environment: Mapping[str, Any],
        *,
        events: Events = (),
        reused_from: UUID | None = None,
        others: set[str] | None = None,
        explored: Explored | None = None,
    ) -> bool:
        """Store an end, whatever hangs on it, and what it says of the ticket.

        Into `others` go the keys of tickets whose evidence has to be looked at afterwards.
        """
        standing = await stores.ticket_edits.hold(run.ticket_id)
        if standing is None:
            return False  # the ticket was deleted, and the run with it
        if run.kind in EXPLORING:
            took = await _store_explored(stores, run, verdict, arms, environment, explored)
            if took is not None:
                await self._tell_end(stores, run, verdict, events)
                await stores.counters.count_run(run.plan.target, run.kind, verdict.outcome, took)
            return took is not None
        target = await stores.catalogue.target(run.plan.target)
        decision, shown = None, standing.shown
        flipped: set[str] = set()
        if target is not None:
            if reused_from is None and (found := seen(run.plan, arms, target)):
                where = environment_digest(environment)
                tallies = await stores.tallies.record(target.name, where, found, run.id)
                flipped = {k.node_id for k, t in tallies.items() if t.flipped_in == run.id}
                await _keep_known(stores, run, arms, environment, tallies)
            uses = used_test_files(run.plan, arms, target)
            # The worker that ran it lives, whatever is known of the others.
            living = {environment_digest(environment), *target.environments}
            target = replace(target, environments=tuple(living))
            ground = await ground_of(stores, run.ticket_id, run.ticket, target, uses)
            facts = await _facts(stores, run, verdict, arms, environment, target)
            decision = evidence.decide(facts, now=ground.now, previous=standing.decision)
            shown = await shown_now(
                stores, ground, target, decision or standing.decision, standing.domains
            )
        took = await stores.runs.mark_finished(
            run.id,
            run.attempt,
            verdict,
            arms=arms,
            environment=environment,
            decided=None if decision is None or decision.run != run.id else decision.state,
            reused_from=reused_from,
        )
        if took is None:
            return False
        if target is not None and others is not None:
            others |= await self._tell_others(stores, run, target, flipped)
        before, after = standing.shown.in_words(), shown.in_words()
        async with stores.together():
            if decision is None:
                await stores.ticket_edits.save_last_attempt(run.ticket_id, _attempt(run, verdict))
                if shown != standing.shown:
                    await stores.ticket_edits.save_evidence(run.ticket_id, shown)
            else:
                # A run that only contradicts is no deciding one.
                attempt = None if decision.run == run.id else _attempt(run, verdict)
                await stores.ticket_edits.save_decision(
                    run.ticket_id, decision, shown, attempt=attempt
                )
            await stores.catalogue.mark_outcomes(run.plan.target, _bundled_outcomes(run.plan, arms))
            await stores.catalogue.mark_flakes(run.plan.target, outcomes.flips(arms))
            await self._tell_end(stores, run, verdict, events)
            if before != after:
                await stores.audit.record(
                    None,
                    "evidence.changed",
                    ticket_id=run.ticket_id,
                    changes={"evidence": [before, after]},
                )
            await stores.counters.count_run(run.plan.target, run.kind, verdict.outcome, took)
        return True

    async def _tell_end(
        self, stores: Stores, run: ClaimedRun | UnreadablePlan, verdict: Verdict, events: Events
    ) -> None:
        end = {
            "status": RunStatus.FINISHED.value,
            "outcome": verdict.outcome.value,
            "reason": verdict.reason,
        }
        await stores.run_events.add_many(run.id, run.attempt, [*events, ("end", end)], over=True)
        await stores.audit.record(
            None,
            "run.finished",
            ticket_id=run.ticket_id,
            changes={"run": [None, str(run.id)], "outcome": [None, verdict.outcome.value]},
        )


async def _store_explored(
    stores: Stores,
    run: ClaimedRun,
    verdict: Verdict,
    arms: Sequence[ArmResult],
    environment: Mapping[str, Any],
    explored: Explored | None,
) -> float | None:
    """Store the end of a run that decides no evidence; the seconds it took, None: it is over."""
    if run.kind is RunKind.STRENGTH:
        return await store_measured(stores, run, verdict, arms, environment)
    if run.kind is RunKind.BISECTION:
        found = None if explored is None else explored.found
        return await store_bisected(stores, run, verdict, found, environment)
    return await stores.runs.mark_finished(
        run.id,
        run.attempt,
        verdict,
        arms=arms,
        environment=environment,
        decided=None,
        minimised=None if explored is None else explored.minimised,
    )


def _suite_key(plan: RunPlan, environment: Mapping[str, Any]) -> SuiteKey:
    where = environment_digest(environment)
    return SuiteKey(plan.target, plan.package_digest, plan.suite_digest, where)


async def _keep_known(
    stores: Stores,
    run: ClaimedRun,
    arms: Sequence[ArmResult],
    environment: Mapping[str, Any],
    tallies: Mapping[TallyKey, Tally],
) -> None:
    """Keep which files of the rest pass on the package as it ships; one that flips is forgotten."""
    linked = [test.node_id for test in run.plan.tests]
    files: dict[str, list[str]] = {}
    for arm in arms:
        if ships(arm, run.plan) and arm.failure is None:
            files |= whole_files(run.plan.others, linked, arm)
    flipped = {key.node_id.partition("::")[0] for key, tally in tallies.items() if tally.flaky}
    for path in flipped:
        files.pop(path, None)
    await stores.suite_results.keep(_suite_key(run.plan, environment), files)
    await stores.suite_results.forget(run.plan.target, flipped)


async def _facts(
    stores: Stores,
    run: ClaimedRun,
    verdict: Verdict,
    arms: Sequence[ArmResult],
    environment: Mapping[str, Any],
    target: TargetState,
) -> FinishedRun:
    plan, where = run.plan, environment_digest(environment)
    uses = used_test_files(plan, arms, target)
    digests = {test.node_id: test.digest for test in plan.tests}
    bundled = [arm for arm in arms if ships(arm, plan)]
    failed = failing(bundled, digests)
    # Only a failure asks what was known before.
    regressed = await stores.tallies.passed_elsewhere(
        [(node_id, digests[node_id]) for node_id in failed],
        plan.package_digest,
        where,
        bundled=True,
    )
    same_suite = target.suite_digest == plan.suite_digest
    return FinishedRun(
        id=run.id,
        kind=run.kind,
        outcome=verdict.outcome,
        digests=Digests(
            plan.package_digest,
            plan.links_digest,
            plan.patches_digest,
            # Of another suite than that of now nothing is known of what the tests import.
            uses_digest(uses, target.test_files if same_suite else {}),
        ),
        # A check of another revision says nothing of what is in force.
        covers_all_links=plan.covers_all_links and any(ships(arm, plan) for arm in plan.arms),
        after_is_bundled=any(
            ships(arm, plan) for arm in plan.arms if not arm.name.startswith("before")
        ),
        by=proof_by(plan.arms),
        finished_at=datetime.now(UTC),
        environment=where,
        packages=tuple(dict.fromkeys(arm.package_digest for arm in arms)),
        uses=uses,
        authors=run.authors,
        without_assertion=verdict.without_assertion,
        revision=plan.arms[judged_last(plan.arms)].revision or plan.revision,
        regressed=bool(regressed),
        bundled_failed=bool(failed),
    )


def _attempt(run: ClaimedRun | UnreadablePlan, verdict: Verdict) -> dict[str, Any]:
    return {
        "run": str(run.id),
        "kind": run.kind.value,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "at": datetime.now(UTC).isoformat(),
    }


def _bundled_outcomes(plan: RunPlan, arms: Sequence[ArmResult]) -> dict[str, str]:
    """Return how tests ended on the package as it ships, the last repeat counting."""
    return {
        result.node_id: result.outcome.value
        for arm in arms
        if ships(arm, plan)
        for result in arm.results
    }


def _as_events(arms: Sequence[ArmResult]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return results as the events that a watcher of the run would have seen."""
    return [
        ("test", {"arm": arm.name, "reused": True, **vars(result)})
        for arm in arms
        for result in arm.results
    ]
