"""Sweeps as workers see them: take one up, say what is seen of each ticket, end it.

What a sweep says of a ticket, the run that holds the results, and the ticket's reopening are one
transaction, which locks the ticket and looks at it again: a worker that is lost between any two
steps leaves nothing half said, and one that takes the sweep up goes on behind what was said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain import outcomes, sweeps
from app.domain.accounts import Actor, Role
from app.domain.catalogue import TargetState
from app.domain.revisions import RevisionRefused
from app.domain.runs import (
    ArmPlan,
    ArmResult,
    Authors,
    LinkedTest,
    RunKind,
    RunPlan,
    SubmittedFile,
    TestResult,
)
from app.domain.sweeps import (
    ACTOR,
    TRIES,
    Expected,
    Judgement,
    Standing,
    Sweep,
    SweepStatus,
    SweepVerdict,
)
from app.domain.targets import Target
from app.domain.tickets import Status, Ticket
from app.errors import AlreadyTaken
from app.services.access import load_ticket
from app.services.evidence import links_digest, patches_digest, reassess
from app.services.execution import Slot
from app.services.run_ends import MAX_ATTEMPTS, conclude
from app.services.sources import Sources
from app.storage.jobs import Job
from app.storage.links import ExpandedTest
from app.storage.notifier import SWEEPS
from app.storage.rows import new_id
from app.storage.sweeps import SweptTicket
from app.storage.unit import Stores, UnitOfWork

_CHANGES = frozenset({SweepVerdict.REGRESSED, SweepVerdict.FLAKY, SweepVerdict.REPAIRED})
"""Verdicts whose results are kept as a run of the ticket's tests."""


@dataclass(frozen=True)
class Looked:
    """A ticket that is looked at."""

    id: int
    key: str
    tests: tuple[LinkedTest, ...]
    expected: Expected

    @property
    def node_ids(self) -> tuple[str, ...]:
        """Its tests."""
        return tuple(test.node_id for test in self.tests)


@dataclass(frozen=True)
class SweepAssignment:
    """A claimed sweep with all that it needs."""

    job: Job
    sweep: Sweep
    tickets: tuple[Looked, ...]
    """Those of which it has said nothing yet."""
    submitted: Mapping[str, str] = field(default_factory=dict)
    """Sources of handed-in tests by path below the suite."""


@dataclass(frozen=True)
class Found:
    """What the arm of a sweep reported."""

    package_digest: str
    suite_digest: str
    results: Mapping[str, Sequence[TestResult]]
    """By test."""
    environment: Mapping[str, Any]


class SweepExecutionService:
    """The worker's side of sweeps."""

    def __init__(self, unit: UnitOfWork, sources: Sources) -> None:
        self._unit = unit
        self._sources = sources

    async def take(self, slot: Slot, targets: Sequence[str]) -> SweepAssignment | None:
        """Take up the sweep that waits longest; None when none does.

        Raises:
            WorkerForgotten: the worker was given up; it needs another number.
        """
        async with self._unit.begin() as stores:
            job = await stores.jobs.take(slot.number, targets, queue=SWEEPS)
            while job is not None:
                sweep = await stores.sweeps.claim(job.run_id, slot.name, most=MAX_ATTEMPTS)
                if sweep is not None:
                    return await self._assigned(stores, job, sweep)
                await stores.sweeps.give_up(
                    job.run_id, f"The worker was lost {MAX_ATTEMPTS} times while it swept."
                )
                await stores.jobs.finish(job)
                job = await stores.jobs.take(slot.number, targets, queue=SWEEPS)
        return None

    async def _assigned(self, stores: Stores, job: Job, sweep: Sweep) -> SweepAssignment:
        state = await stores.catalogue.target(sweep.target)
        said = await stores.sweeps.judged_in(sweep.id)
        found: list[Looked] = []
        submitted: dict[str, str] = {}
        if state is not None:
            submitted = await stores.submitted.of_target(sweep.target)
            left = [
                one for one in await stores.ticket_edits.linked(sweep.target) if one.id not in said
            ]
            tests = await stores.links.expanded_of([one.id for one in left], state.support_digest)
            for one in left:
                if linked := tests.get(one.id):
                    known = sweeps.expected(
                        one.decided, is_final=one.status.is_final, resolution=one.resolution
                    )
                    linked_tests = tuple(test.linked for test in linked)
                    found.append(Looked(one.id, one.key, linked_tests, known))
        tests_there = {test.node_id for one in found for test in one.tests}
        await stores.sweeps.mark_tests(sweep, len(tests_there))
        return SweepAssignment(job, sweep, tuple(found), submitted)

    async def give_back(
        self, assignment: SweepAssignment, reason: str, *, rest_s: float = 0.0
    ) -> bool:
        """Put a sweep back that this worker cannot go on with."""
        async with self._unit.begin() as stores:
            current = await stores.sweeps.mark_given_back(assignment.sweep, reason)
            if current:
                await stores.jobs.put_back(assignment.job, rest_s)
            else:
                await stores.jobs.finish(assignment.job)
            return current

    async def end(
        self, assignment: SweepAssignment, status: SweepStatus, reason: str | None = None
    ) -> bool:
        """End a sweep; False when this attempt no longer counts."""
        async with self._unit.begin() as stores:
            current = await stores.sweeps.mark_over(assignment.sweep, status, reason)
            await stores.jobs.finish(assignment.job)
            if current and status is SweepStatus.FINISHED:
                sweep = await stores.sweeps.show(assignment.sweep.id)
                if sweep is not None:
                    await stores.counters.count_sweep(sweep)
            return current

    async def is_in_force(self, sweep: Sweep) -> bool:
        """Tell whether what a sweep is to look at is still what its target holds."""
        async with self._unit.read() as stores:
            state = await stores.catalogue.target(sweep.target)
        return state is not None and state.package_digest == sweep.package_digest

    async def say_held(
        self, assignment: SweepAssignment, held: Sequence[tuple[Looked, Judgement]]
    ) -> bool:
        """Record of tickets that nothing follows; False when this attempt no longer counts."""
        async with self._unit.begin() as stores:
            if not await stores.sweeps.hold(assignment.sweep):
                return False
            said = await stores.sweeps.judged_in(assignment.sweep.id)
            await stores.sweeps.say(
                assignment.sweep.id,
                [SweptTicket(one.id, told) for one, told in held if one.id not in said],
            )
            return True

    async def say(
        self, assignment: SweepAssignment, looked: Looked, found: Found, target: Target
    ) -> bool:
        """Judge a ticket, and record and do what follows; False when this attempt is over."""
        async with self._unit.read() as stores:
            ticket = await load_ticket(stores, looked.key)
        follows = await self._follows(assignment.sweep, target, ticket)
        others: set[str] = set()
        async with self._unit.begin() as stores:
            if not await stores.sweeps.hold(assignment.sweep):
                return False
            if looked.id in await stores.sweeps.judged_in(assignment.sweep.id):
                return True
            locked = await stores.tickets.lock(looked.key)
            state = await stores.catalogue.target(assignment.sweep.target)
            if locked is None or state is None:
                return True
            # As it stands now, while nobody else can change it.
            ticket = await load_ticket(stores, looked.key)
            judgement, run = await self._judged(
                stores, assignment.sweep, looked, ticket, found, state, follows, others
            )
            if judgement.reopens:
                await self._reopen(stores, assignment.sweep, ticket, judgement, run)
            await stores.sweeps.say(assignment.sweep.id, [SweptTicket(looked.id, judgement, run)])
        for key in sorted(others - {looked.key}):
            async with self._unit.begin() as stores:
                held = await stores.tickets.lock(key)
                if held is not None:
                    await reassess(stores, held.id, key)
        return True

    async def _judged(
        self,
        stores: Stores,
        sweep: Sweep,
        looked: Looked,
        ticket: Ticket,
        found: Found,
        state: TargetState,
        follows: bool,
        others: set[str],
    ) -> tuple[Judgement, Any]:
        linked = await stores.links.expanded(looked.id, looked.key, state.support_digest)
        if {(one.node_id, one.digest) for one in linked} != {
            (one.node_id, one.digest) for one in looked.tests
        }:
            told = "Its tests changed while the sweep ran."
            return Judgement(SweepVerdict.INFRASTRUCTURE, told), None
        flips = await stores.tallies.known_to_flip([(t.node_id, t.digest) for t in linked])
        standing = await self._standing(stores, sweep, looked, ticket, state, follows, flips)
        results = [one for node_id in looked.node_ids for one in found.results.get(node_id, ())]
        judgement = sweeps.judge(standing, sweeps.attempts_of(looked.node_ids, results))
        if judgement.verdict not in _CHANGES:
            return judgement, None
        run = await self._keep(stores, sweep, looked, linked, found, results, state, others)
        return judgement, run

    async def _standing(
        self,
        stores: Stores,
        sweep: Sweep,
        looked: Looked,
        ticket: Ticket,
        state: TargetState,
        follows: bool,
        flips: frozenset[str],
    ) -> Standing:
        known = await stores.ticket_edits.evidence_row(looked.id)
        decided = None if known.decision is None else known.decision.state
        closure = ticket.closure
        return Standing(
            expected=sweeps.expected(
                decided, is_final=ticket.status.is_final, resolution=ticket.resolution
            ),
            is_final=ticket.status.is_final,
            resolution=ticket.resolution,
            follows=follows,
            in_force=state.package_digest == sweep.package_digest,
            decided=closure is not None
            and (closure.package_digest == sweep.package_digest or closure.at >= sweep.queued_at),
            flips=flips,
        )

    async def _keep(
        self,
        stores: Stores,
        sweep: Sweep,
        looked: Looked,
        linked: Sequence[ExpandedTest],
        found: Found,
        results: Sequence[TestResult],
        state: TargetState,
        others: set[str],
    ) -> Any:
        """Store the results as a check of the ticket, and what it says of its evidence."""
        in_force = state.package_digest == sweep.package_digest
        arm = ArmPlan("bundled", revision=sweep.revision)
        if not in_force:
            arm = ArmPlan("revision", None, sweep.revision, sweep.package_digest)
        plan = RunPlan(
            target=sweep.target,
            arms=(arm,),
            tests=looked.tests,
            others=(),
            package_digest=state.package_digest,
            suite_digest=found.suite_digest,
            links_digest=links_digest(linked),
            patches_digest=patches_digest(await stores.patches.of_ticket(looked.id)),
            covers_all_links=True,
            repeats=TRIES,
            submitted=tuple(
                SubmittedFile(file.path, file.digest)
                for file in await stores.submitted.of_ticket(looked.id)
            ),
            revision=state.revision,
        )
        actor = await _actor(stores)
        run_id = new_id()
        await stores.runs.add(run_id, looked.id, RunKind.CHECK, plan, actor, authors=Authors())
        run = await stores.runs.claim(run_id, ACTOR)
        assert run is not None
        arms = [ArmResult(arm.name, found.package_digest, tuple(results), revision=sweep.revision)]
        verdict = outcomes.decide(RunKind.CHECK, plan, arms, passed_before=looked.node_ids)
        others |= await conclude(stores, run, verdict, arms, found.environment)
        return run_id

    async def _reopen(
        self, stores: Stores, sweep: Sweep, ticket: Ticket, judgement: Judgement, run: Any
    ) -> None:
        """Open a ticket again; the history says by what."""
        await stores.ticket_edits.save_fields(
            ticket.id,
            {"status": Status.OPEN.value, "resolution": None, "closure": None},
            content_changed=False,
        )
        was = None if ticket.resolution is None else ticket.resolution.value
        await stores.audit.record(
            await _actor(stores),
            "ticket.moved",
            ticket_id=ticket.id,
            changes={
                "status": [ticket.status.value, Status.OPEN.value],
                "resolution": [was, None],
                "reason": [None, f"A sweep has opened it again. {judgement.reason}"],
                "sweep": [None, str(sweep.id)],
                "run": [None, str(run)],
                "revision": [None, sweep.revision or sweep.package_digest],
                "signature": [None, judgement.signature],
            },
        )

    async def _follows(self, sweep: Sweep, target: Target, ticket: Ticket) -> bool:
        """Tell whether what is looked at comes after what a ticket was fixed in."""
        async with self._unit.read() as stores:
            known = await stores.ticket_edits.evidence_row(ticket.id)
            decision = known.decision
            fixed = None if decision is None else decision.digests.package
            if ticket.closure is not None and ticket.closure.package_digest is not None:
                fixed = ticket.closure.package_digest
            order = await stores.catalogue.first_seen(
                sweep.target, [one for one in (fixed, sweep.package_digest) if one]
            )
        if sweep.revision is None:
            then, now = order.get(fixed or ""), order.get(sweep.package_digest)
            return then is None or now is None or now >= then
        revision = None if decision is None else decision.revision
        if ticket.closure is not None and ticket.closure.revision is not None:
            revision = ticket.closure.revision
        # A bisection has found the very commit.
        named = ticket.commits or tuple(filter(None, [ticket.evidence.fixed_in]))
        return await asyncio.to_thread(self._descends, target, sweep.revision, named, revision)

    def _descends(
        self, target: Target, revision: str, commits: Sequence[str], fixed_at: str | None
    ) -> bool:
        try:
            history = self._sources.history(target)
        except RevisionRefused:
            return False
        known = [commit for commit in map(history.known, commits) if commit is not None]
        gone = fixed_at is not None and history.known(fixed_at) is None
        if gone and not known:
            return False  # the branch was written anew, and nobody knows what follows what
        here = None if gone else fixed_at
        # One that was never merged says nothing of where the fix is.
        merged = [one for one in known if here is None or history.is_ancestor(one, here)]
        wanted = merged or ([here] if here is not None else [])
        return all(history.is_ancestor(one, revision) is True for one in wanted)


async def _actor(stores: Stores) -> Actor:
    """Return the account in whose name sweeps act; it has no token, and made when first needed."""
    account = await stores.accounts.find(ACTOR)
    if account is None:
        try:
            account = await stores.accounts.add(
                ACTOR, Role.READER, display_name="Sweeps, by the service itself"
            )
        except AlreadyTaken:
            account = await stores.accounts.find(ACTOR)
    assert account is not None
    return Actor(account)
