"""Bisections as clients see them: ask for one, look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from app.domain.accounts import Actor
from app.domain.bisection.plan import DEFAULT_BUDGET_S, MAX_RUNS, BisectionPlan
from app.domain.bisection.run import Bisection
from app.domain.bisection.search import Direction
from app.domain.revisions import Revision, RevisionRefused
from app.domain.runs import RunKind
from app.domain.targets import Target
from app.errors import FieldError, InvalidInput, NotFound, NothingToRun
from app.sandbox.snapshot import Snapshot
from app.services.access import id_of
from app.services.catalogues import Catalogues
from app.services.evidence import ground_of
from app.services.runs import RunService
from app.services.sources import Sources
from app.storage.unit import Stores, UnitOfWork
from app.targets.history import History

_MOST_LISTED = 100


@dataclass(frozen=True)
class BisectionWanted:
    """What a caller asks for."""

    direction: Direction
    old: str | None = None
    new: str | None = None
    first_parent: bool = False
    budget_s: int = DEFAULT_BUDGET_S
    budget_runs: int = MAX_RUNS
    tests: Sequence[str] | None = None


class BisectionService:
    """Bisections of tickets whose target has a history."""

    def __init__(
        self, unit: UnitOfWork, catalogues: Catalogues, runs: RunService, sources: Sources
    ) -> None:
        self._unit = unit
        self._catalogues = catalogues
        self._runs = runs
        self._sources = sources

    async def start(self, actor: Actor, key: str, wanted: BisectionWanted) -> Bisection:
        """Queue the search for the commit that brought a ticket's defect in, or took it away.

        Raises:
            NotFound: there is no such ticket.
            NothingToRun: no test is linked, or the target has no history.
            InvalidInput: a revision cannot be used, or the ends do not fit together.
            SandboxRefused: it would run a client's code, and a layer of isolation is missing.
            TooManyRequests: so many runs of the account wait that no more are taken in.
        """
        snapshot = await (await self._catalogues.of_ticket(key)).in_step()
        plan = await asyncio.to_thread(self._plan, snapshot, wanted)
        run = await self._runs.trigger(
            actor, key, RunKind.BISECTION, tests=wanted.tests, force=True, bisection=plan
        )
        return await self.show(run.id)

    async def show(self, bisection_id: UUID) -> Bisection:
        """Return a bisection with its steps.

        Raises:
            NotFound: there is none.
        """
        async with self._unit.read() as stores:
            found = await stores.bisections.show(bisection_id)
            if found is None:
                raise NotFound(f"There is no bisection {bisection_id}.")
            ticket_id = await id_of(stores, found.ticket)
            (found,) = await _with_staleness(stores, ticket_id, [found])
        return await self._with_details(found)

    async def wait(self, bisection_id: UUID, seconds: float) -> Bisection:
        """Return a bisection as soon as it has ended, or as it is after `seconds`.

        Raises:
            NotFound: there is none.
        """
        await self.show(bisection_id)
        await self._runs.wait(bisection_id, seconds)
        return await self.show(bisection_id)

    async def of_ticket(self, key: str) -> list[Bisection]:
        """Return the bisections of a ticket, the newest first, without their steps.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            ticket_id = await id_of(stores, key)
            found = await stores.bisections.of_ticket(ticket_id, limit=_MOST_LISTED)
            return await _with_staleness(stores, ticket_id, found)

    async def cancel(self, actor: Actor, bisection_id: UUID) -> Bisection:
        """Cancel a bisection; what it has found so far stays.

        Raises:
            NotFound: there is none.
            Forbidden: somebody else asked for it, and the actor is no maintainer.
            Conflict: it has ended already.
        """
        await self.show(bisection_id)
        await self._runs.cancel(actor, bisection_id)
        return await self.show(bisection_id)

    def _plan(self, snapshot: Snapshot, wanted: BisectionWanted) -> BisectionPlan:
        target = snapshot.target
        try:
            history = self._sources.history(target)
        except RevisionRefused as refused:
            raise NothingToRun(f"There is no history to search: {refused}.") from None
        try:
            new = history.resolve(wanted.new or snapshot.revision or "HEAD")
        except RevisionRefused as refused:
            raise InvalidInput(FieldError("/to", str(refused))) from None
        old = None if wanted.old is None else _old_end(history, wanted.old, new)
        return BisectionPlan(
            direction=wanted.direction,
            new=new,
            old=old,
            first_parent=wanted.first_parent,
            budget_s=wanted.budget_s,
            budget_runs=wanted.budget_runs,
        )

    async def _with_details(self, found: Bisection) -> Bisection:
        """Add what is told of the commits that it names."""
        target = (await self._catalogues.of(found.target).snapshot()).target
        return await asyncio.to_thread(self._with_commits, found, target)

    def _with_commits(self, found: Bisection, target: Target) -> Bisection:
        named = {found.plan.new, *(step.revision for step in found.steps)}
        named.update(filter(None, (found.old,)))
        if found.found is not None:
            named.update(filter(None, (found.found.first, found.found.last)))
            for interval in found.found.intervals:
                named.update(filter(None, (interval.first, interval.last)))
        told: dict[str, Revision] = {}
        places: dict[str, int] = {}
        try:
            history = self._sources.history(target)
            for commit in named:
                told[commit] = history.describe(commit)
            walked = enumerate(history.walk(found.plan.new))
            places = {commit: place for place, commit in walked if commit in named}
        except RevisionRefused:
            pass  # the repository has lost them since; their ids still say which they were
        steps = tuple(replace(step, told=told.get(step.revision)) for step in found.steps)
        return replace(found, steps=steps, commits=told, places=places)


async def _with_staleness(
    stores: Stores, ticket_id: int, found: Sequence[Bisection]
) -> list[Bisection]:
    """Tell of each whether the ticket's tests have changed since it was asked for."""
    now: dict[str, str] = {}
    for one in found:
        if one.target not in now:
            target = await stores.catalogue.target(one.target)
            if target is not None:
                ground = await ground_of(stores, ticket_id, one.ticket, target, ())
                now[one.target] = ground.now.digests.links
    return [replace(one, stale=now.get(one.target) != one.links_digest) for one in found]


def _old_end(history: History, name: str, new: str) -> str:
    try:
        old = history.resolve(name)
    except RevisionRefused as refused:
        raise InvalidInput(FieldError("/from", str(refused))) from None
    if old == new:
        raise InvalidInput(
            FieldError("/from", f"{name} is the same commit as `to`; name an older one")
        )
    if history.is_ancestor(old, new):
        return old
    if history.is_ancestor(new, old):
        raise InvalidInput(
            FieldError("/from", f"{name} comes after `to`: exchange the two, `from` is the older")
        )
    raise InvalidInput(
        FieldError("/from", f"{name} is no ancestor of {new[:10]}; name one that is")
    )
