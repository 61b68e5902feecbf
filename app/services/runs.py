"""Runs as clients see them: trigger, show, wait, cancel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from app.domain.accounts import Actor, Role
from app.domain.arms import FIX
from app.domain.bisection.plan import MAX_TESTS, BisectionPlan
from app.domain.gate_calls import Call
from app.domain.outputs import PlacedResult
from app.domain.runs import (
    Run,
    RunEvent,
    RunFilter,
    RunKind,
    RunPlan,
    RunStatus,
    TestOutcome,
)
from app.domain.strength import DEFAULT_BUDGET_S, StrengthScope
from app.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    TooManyRequests,
)
from app.sandbox.snapshot import Snapshot
from app.services.access import caller_on, describe, lock_ticket
from app.services.catalogues import Catalogues
from app.services.client_code import ClientCode
from app.services.history_plans import HistoryPlans, Wanted
from app.services.run_plans import plan_minimise, plan_run
from app.services.strength import Outlines, plan_strength
from app.storage.notifier import Notifier, set_within
from app.storage.rows import new_id
from app.storage.unit import Stores, UnitOfWork

_AS_IT_IS = Wanted()
KEEP_ALIVE_S = 15.0
"""How long a watcher hears nothing before it is told that the line is open."""


class RunService:
    """Runs of tickets' tests."""

    def __init__(
        self,
        unit: UnitOfWork,
        catalogues: Catalogues,
        notifier: Notifier,
        client_code: ClientCode,
        histories: HistoryPlans,
        *,
        most_queued: int,
    ) -> None:
        self._unit = unit
        self._outlines = Outlines()
        self._histories = histories
        self._client_code = client_code
        self._catalogues = catalogues
        self._notifier = notifier
        self._most_queued = most_queued

    async def trigger(
        self,
        actor: Actor,
        key: str,
        kind: RunKind,
        *,
        tests: Sequence[str] | None = None,
        repeats: int | None = None,
        force: bool = False,
        budget_s: int | None = None,
        scope: StrengthScope | None = None,
        wanted: Wanted = _AS_IT_IS,
        target: str | None = None,
        by_patches: bool = False,
        against: str | None = None,
        bisection: BisectionPlan | None = None,
        patch: str | None = None,
    ) -> Run:
        """Queue a run of the linked tests; everything it depends on is frozen now.

        Args:
            actor: who asks.
            key: the ticket.
            kind: check or proof.
            tests: some of the linked tests; None for all. Only a run over all decides evidence.
            repeats: how often each linked test runs; by default as `default_repeats` says.
            force: run even where an earlier result could be reused.
            budget_s: for how long mutants are run to measure strength, or a patch is reduced.
            scope: what is changed to measure it.
            wanted: the revisions that it is about. A proof without any takes the commits that the
                ticket names, where its target's history has them.
            target: the one that it is meant for; None for whichever the ticket belongs to.
            by_patches: a proof by the ticket's patches, whatever commits it names.
            against: with a proof, the diff of a mutant in place of the ticket's patches. Such a
                run decides no evidence: it is about the tests.
            bisection: what a run that bisects is to find.
            patch: which one a run is to reduce; the fix when left out.

        Raises:
            NotFound: there is no such ticket.
            NothingToRun: no test is linked, or a proof has no patch that applies, or strength has
                no tests that pass or nothing to change.
            InvalidInput: a named test is not linked, a revision cannot be used, or the ticket
                belongs to another target than is named.
            SandboxRefused: it would run a client's code, and a layer of isolation is missing.
            TooManyRequests: so many runs of the account wait that no more are taken in.
        """
        catalogue = await self._catalogues.of_ticket(key)
        _require_target(key, catalogue.target.name, target)
        snapshot = await catalogue.in_step()
        commits: Sequence[str] = ()
        if kind is RunKind.PROOF and not by_patches and against is None:
            async with self._unit.read() as stores:
                commits = await stores.tickets.commits_of(key)
        if patch not in (None, FIX):
            raise InvalidInput(FieldError("/patch", "only the fix can be reduced", allowed=(FIX,)))
        history = await self._histories.plan(kind, snapshot, wanted, commits)
        strict = await self._client_code.is_caged()
        measures = kind is RunKind.STRENGTH
        defined = await self._outlines.of(snapshot) if measures else ()
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            caller = caller_on(actor, ticket, strict=strict)
            plan, authors = await plan_run(
                stores, ticket, kind, tests, snapshot, repeats, caller, history, against
            )
            if measures:
                strength = await plan_strength(
                    stores,
                    ticket,
                    snapshot,
                    defined,
                    caller,
                    budget_s=budget_s or DEFAULT_BUDGET_S,
                    scope=scope or StrengthScope.FUNCTION,
                )
                plan = replace(plan, strength=strength)
            if kind is RunKind.MINIMISE:
                plan = replace(plan, minimise=plan_minimise(plan, budget_s))
            if bisection is not None:
                if len(plan.tests) > MAX_TESTS:
                    raise InvalidInput(
                        FieldError(
                            "/tests",
                            f"{len(plan.tests)} tests are linked, and {MAX_TESTS} are the most for "
                            "a bisection: name some of them",
                        )
                    )
                shown = (await stores.ticket_edits.evidence_row(ticket.id)).shown
                plan = replace(plan, bisection=replace(bisection, flaky=bool(shown.flaky)))
            await self._require_cage(plan, snapshot)
            await self._require_room(stores, actor)
            run_id = new_id()
            async with stores.together():
                await stores.runs.add(
                    run_id, ticket.id, kind, plan, actor, authors=authors, force=force
                )
                await stores.run_events.add(run_id, 0, "status", {"status": RunStatus.QUEUED})
                await stores.jobs.defer_run(run_id, plan.target)
                await stores.audit.record(
                    actor,
                    "run.triggered",
                    ticket_id=ticket.id,
                    changes={"run": [None, str(run_id)], "kind": [None, kind.value]},
                )
            if bisection is not None:
                await stores.bisections.add(run_id)
            return await _shown(stores, run_id)

    async def _require_cage(self, plan: RunPlan, snapshot: Snapshot) -> None:
        if plan.submitted:
            await self._client_code.require_cage("A submitted test of this run")
        if plan.strength is not None:
            await self._client_code.require_cage("A mutant", "is code that nobody has read")
        if plan.minimise is not None:
            await self._client_code.require_cage(
                "A part of a patch", "is code that nobody has read"
            )
        used = [arm.patch.digest for arm in plan.arms if arm.patch is not None]
        await self._client_code.require_for_patches(used, snapshot)

    async def _require_room(self, stores: Stores, actor: Actor) -> None:
        if await stores.runs.count_queued(actor.account.id, self._most_queued) < self._most_queued:
            return
        raise TooManyRequests(
            f"{self._most_queued} runs that {actor.name} asked for wait already. Let some of them "
            "end, or cancel some.",
            remedies=[
                Call("listRuns", "GET", f"/api/v1/runs?status=queued&requested_by={actor.name}")
            ],
            headers={"Retry-After": "10"},
        )

    async def show(self, run_id: UUID, *, whole: bool = False) -> Run:
        """Return a run; with all of thousands of results only where it is wanted `whole`.

        Raises:
            NotFound: there is none.
        """
        async with self._unit.read() as stores:
            return await _shown(stores, run_id, whole=whole)

    async def results(
        self,
        run_id: UUID,
        *,
        arms: Sequence[str],
        outcomes: Sequence[TestOutcome],
        after: tuple[int, int],
        limit: int,
    ) -> tuple[list[PlacedResult], bool]:
        """Return results of a run in their order, behind a position, and whether there are more.

        They may be fewer than `limit` where their texts are long.

        Raises:
            NotFound: there is no such run.
        """
        async with self._unit.read() as stores:
            if await stores.runs.status_of(run_id) is None:
                raise _no_run(run_id)
            return await stores.run_results.page(
                run_id, arms=arms, outcomes=outcomes, after=after, limit=limit
            )

    async def wait(self, run_id: UUID, seconds: float) -> Run:
        """Return a run as soon as it has ended, or as it is after `seconds`.

        Raises:
            NotFound: there is none.
        """
        return await self._notifier.until_over(
            run_id, seconds, self.show, lambda run: _ended(run.status)
        )

    async def page(
        self, wanted: RunFilter, *, after: tuple[Any, ...] | None, limit: int
    ) -> list[Run]:
        """Return runs without their arms, newest first."""
        async with self._unit.read() as stores:
            return await stores.runs.page(wanted, after=after, limit=limit)

    async def count(self, wanted: RunFilter) -> tuple[int, bool]:
        """Return how many runs there are, and whether that is exact."""
        async with self._unit.read() as stores:
            return await stores.runs.count(wanted)

    async def status(self, run_id: UUID) -> RunStatus:
        """Return where a run stands.

        Raises:
            NotFound: there is no such run.
        """
        async with self._unit.read() as stores:
            found = await stores.runs.status_of(run_id)
        if found is None:
            raise _no_run(run_id)
        return found[0]

    async def watch(self, run_id: UUID, after: tuple[int, int]) -> AsyncIterator[RunEvent | None]:
        """Give the events of a run behind a position, as they come, until it has ended.

        None stands for a while in which nothing happened, so that a reader can be told that the
        line is still open.
        """
        async with self._notifier.watching(run_id) as changed:
            while True:
                changed.clear()
                async with self._unit.read() as stores:
                    # The status first: events that come after it are seen next time.
                    found = await stores.runs.status_of(run_id)
                    events = await stores.run_events.of_run(run_id, after=after, limit=500)
                for event in events:
                    yield event
                    after = (event.attempt, event.seq)
                if events:
                    continue
                if found is None or _ended(found[0]):
                    return
                if not await set_within(changed, KEEP_ALIVE_S):
                    yield None

    async def cancel(self, actor: Actor, run_id: UUID) -> Run:
        """Cancel a run; its worker stops what it has started.

        Raises:
            NotFound: there is no such run.
            Forbidden: somebody else asked for it, and the actor is no maintainer.
            Conflict: it has ended already.
        """
        async with self._unit.begin() as stores:
            run = await _shown(stores, run_id)
            if run.requested_by != actor.name and not actor.role.includes(Role.MAINTAINER):
                raise Forbidden(
                    f"{run.requested_by} asked for this run; a maintainer may cancel it too.",
                    needs=Role.MAINTAINER.value,
                    you=describe(actor),
                )
            ticket = await lock_ticket(stores, run.ticket)
            if not await stores.runs.mark_cancelled(run_id, f"Cancelled by {actor.name}."):
                raise Conflict(f"The run has ended already: {run.status.value}.")
            end = {"status": RunStatus.CANCELLED}
            await stores.run_events.add(run_id, run.attempt, "end", end, over=True)
            if run.kind in (RunKind.CHECK, RunKind.PROOF):
                attempt = {"run": str(run_id), "kind": run.kind, "outcome": "cancelled"}
                await stores.ticket_edits.save_last_attempt(ticket.id, attempt)
            await stores.audit.record(
                actor, "run.cancelled", ticket_id=ticket.id, changes={"run": [str(run_id), None]}
            )
            return await _shown(stores, run_id)


def _ended(status: RunStatus) -> bool:
    return status in (RunStatus.FINISHED, RunStatus.CANCELLED)


async def _shown(stores: Stores, run_id: UUID, *, whole: bool = False) -> Run:
    run = await stores.runs.show(run_id, whole=whole)
    if run is None:
        raise _no_run(run_id)
    if run.status is RunStatus.QUEUED and run.reason is None:
        run = replace(run, reason=await _waits_for(stores, run.target))
    if run.kind is RunKind.STRENGTH:
        return replace(run, strength=await stores.mutants.strength_of(run_id))
    return run


async def _waits_for(stores: Stores, target: str) -> str | None:
    """Say that no worker will take a run, if it is so now."""
    if await stores.workers.environments(target):
        return None
    return (
        f"It waits for a worker that can run the target {target}: none that is known can. "
        "`findings target doctor` on a worker's machine says why."
    )


def _require_target(key: str, own: str, wanted: str | None) -> None:
    if wanted is not None and wanted != own:
        told = f"{key} belongs to the target {own} by its domains; change these, or leave it out"
        raise InvalidInput(FieldError("/target", told, allowed=(own,)))


def _no_run(run_id: UUID) -> NotFound:
    return NotFound(f"There is no run {run_id}.")
