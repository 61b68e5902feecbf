"""Sweeps as clients see them: ask for one, watch it, read what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.domain.accounts import Actor
from app.domain.revisions import RevisionRefused
from app.domain.sweeps import Reopened, Sweep, SweepItem, SweepStatus
from app.domain.targets import Target
from app.errors import FieldError, InvalidInput, NotFound
from app.sandbox.digests import FolderError
from app.services.catalogues import Catalogues
from app.services.sources import Sources
from app.storage.notifier import Notifier, set_within
from app.storage.unit import Stores, UnitOfWork

KEEP_ALIVE_S = 15.0
_OVER = (SweepStatus.FINISHED, SweepStatus.CANCELLED)


@dataclass(frozen=True)
class SweepEvent:
    """Something seen of a sweep: ``status``, ``item`` or ``end``."""

    seq: int
    """Of the item said last."""
    kind: str
    sweep: Sweep
    item: SweepItem | None = None


class SweepService:
    """Looks at all tickets of a target."""

    def __init__(
        self, unit: UnitOfWork, catalogues: Catalogues, sources: Sources, notifier: Notifier
    ) -> None:
        self._unit = unit
        self._catalogues = catalogues
        self._sources = sources
        self._notifier = notifier

    async def request(self, actor: Actor, name: str | None, revision: str | None) -> Sweep:
        """Queue a sweep of a target, at what is in force or at another revision.

        Raises:
            NotFound: there is no such target.
            InvalidInput: the revision cannot be used.
            Unavailable: the target cannot be used.
        """
        catalogue = self._catalogues.first() if name is None else self._catalogues.of(name)
        snapshot = await catalogue.in_step()
        commit, digest = snapshot.revision, snapshot.package_digest
        if revision is not None:
            commit, digest = await asyncio.to_thread(self._at, catalogue.target, revision)
        async with self._unit.begin() as stores:
            sweep_id = await stores.sweeps.add(
                catalogue.target.name,
                revision=commit,
                package_digest=digest,
                suite_digest=snapshot.suite_digest,
                previous=None,
                actor=actor,
            )
            await stores.jobs.defer_sweep(sweep_id, catalogue.target.name)
            await stores.audit.record(
                actor,
                "sweep.requested",
                changes={
                    "sweep": [None, str(sweep_id)],
                    "target": [None, catalogue.target.name],
                    "revision": [None, commit],
                },
            )
            return await _load(stores, sweep_id)

    def _at(self, target: Target, revision: str) -> tuple[str, str]:
        try:
            commit = self._sources.history(target).resolve(revision)
            return commit, self._sources.package_digest(target, commit)
        except (RevisionRefused, FolderError, OSError) as error:
            raise InvalidInput(FieldError("/revision", str(error))) from None

    async def show(self, sweep_id: UUID) -> Sweep:
        """Return a sweep.

        Raises:
            NotFound: there is none.
        """
        async with self._unit.read() as stores:
            return await _load(stores, sweep_id)

    async def wait(self, sweep_id: UUID, seconds: float) -> Sweep:
        """Return a sweep as soon as it has ended, or as it is after `seconds`.

        Raises:
            NotFound: there is none.
        """
        return await self._notifier.until_over(
            sweep_id, seconds, self.show, lambda found: found.status in _OVER
        )

    async def page(
        self,
        *,
        targets: Collection[str],
        statuses: Collection[str],
        after: tuple[Any, ...] | None,
        limit: int,
    ) -> list[Sweep]:
        """Return sweeps, newest first."""
        async with self._unit.read() as stores:
            return await stores.sweeps.page(
                targets=targets, statuses=statuses, after=after, limit=limit
            )

    async def items(
        self, sweep_id: UUID, *, verdicts: Collection[str] = (), after: int = 0, limit: int
    ) -> list[SweepItem]:
        """Return what a sweep says of tickets, in the order in which it was said.

        Raises:
            NotFound: there is no such sweep.
        """
        async with self._unit.read() as stores:
            await _load(stores, sweep_id)
            return await stores.sweeps.items(sweep_id, verdicts=verdicts, after=after, limit=limit)

    async def reopened(self, limit: int) -> list[Reopened]:
        """Return the tickets that evidence has opened again and that are open."""
        async with self._unit.read() as stores:
            return await stores.sweeps.reopened(limit)

    async def watch(self, sweep_id: UUID, after: int) -> AsyncIterator[SweepEvent | None]:
        """Give what is seen of a sweep behind the item `after`, until it has ended.

        None stands for a while in which nothing happened.
        """
        said: SweepStatus | None = None
        async with self._notifier.watching(sweep_id) as changed:
            while True:
                changed.clear()
                async with self._unit.read() as stores:
                    sweep = await stores.sweeps.show(sweep_id)
                    items = await stores.sweeps.items(sweep_id, after=after, limit=500)
                if sweep is None:
                    return
                if sweep.status is not said and sweep.status not in _OVER:
                    said = sweep.status
                    yield SweepEvent(after, "status", sweep)
                for item in items:
                    after = item.seq
                    yield SweepEvent(after, "item", sweep, item)
                if items:
                    continue
                if sweep.status in _OVER:
                    yield SweepEvent(after, "end", sweep)
                    return
                if not await set_within(changed, KEEP_ALIVE_S):
                    yield None


async def _load(stores: Stores, sweep_id: UUID) -> Sweep:
    found = await stores.sweeps.show(sweep_id)
    if found is None:
        raise NotFound(f"There is no sweep {sweep_id}.")
    return found
