"""The catalogues of all targets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from app.errors import FindingsError, NotFound, Unavailable
from app.services.catalogue import LOOKS_EVERY_S, CatalogueService, Collector
from app.services.evidence import place_all
from app.services.places import PlaceService
from app.services.placing import placed
from app.services.sources import Sources
from app.storage.unit import UnitOfWork
from app.targets.registry import Registry

log = logging.getLogger(__name__)

_COLLECTS_AT_ONCE = 2


class Catalogues:
    """The catalogue of each target."""

    def __init__(
        self,
        unit: UnitOfWork,
        declared: Registry,
        collector: Collector,
        sources: Sources,
        places: PlaceService,
        *,
        sweeps: bool = False,
    ) -> None:
        """With `sweeps` all tickets of a target are looked at again when its package changes."""
        self._sweeps = sweeps
        self._unit = unit
        self._declared = declared
        self._collector = collector
        self._sources = sources
        self._places = places
        self._known: dict[str, CatalogueService] = {}

    def all(self) -> list[CatalogueService]:
        """Return all of them, the bundled target's first."""
        return [self.of(name) for name in self._declared.targets]

    def first(self) -> CatalogueService:
        """Return that of the bundled target, or of the first one where an entry replaces it.

        Raises:
            Unavailable: the entries of all targets are wrong.
        """
        if not self._declared.targets:
            raise Unavailable("; ".join(problem.line for problem in self._declared.problems))
        return self.all()[0]

    def of(self, name: str) -> CatalogueService:
        """Return that of a target.

        Raises:
            NotFound: no target has this name.
            Unavailable: the entry of that target is wrong.
        """
        target = self._declared.targets.get(name)
        if target is not None:
            known = self._known.get(name)
            if known is None or known.target != target:
                known = CatalogueService(
                    self._unit,
                    target,
                    self._collector,
                    self._sources,
                    self._places,
                    sweeps=self._sweeps,
                )
                self._known[name] = known
            return known
        if (reason := self._declared.reason(name)) is not None:
            raise Unavailable(f"The target {name} cannot be used: {reason}")
        known_names = ", ".join(self._declared.targets)
        raise NotFound(f"There is no target {name[:60]!r}; there are {known_names}.")

    async def of_ticket(self, key: str) -> CatalogueService:
        """Return that of the target which a ticket belongs to.

        Raises:
            NotFound: there is no such ticket.
            NotPlaced: no target covers it.
            Unavailable: the entry of its target is wrong.
        """
        async with self._unit.read() as stores:
            targets = await stores.tickets.targets_of([key])
            if key not in targets:
                raise NotFound(f"There is no ticket {key}.")
            return self.of(placed(key, targets[key], stores.placement))

    async def of_tickets(self, keys: Sequence[str]) -> list[CatalogueService]:
        """Return those of the targets which these tickets belong to, each once."""
        async with self._unit.read() as stores:
            targets = await stores.tickets.targets_of(keys)
            names = {name or stores.placement.only for name in targets.values()}
        return [catalogue for catalogue in self.all() if catalogue.target.name in names]

    async def place_all(self) -> None:
        """Place all tickets anew: the targets' domains may have changed."""
        async with self._unit.begin() as stores:
            await place_all(stores)

    async def in_step(self, first: asyncio.Event | None = None) -> None:
        """Bring all catalogues in step; what cannot be read of one stops none of the others.

        `first` is set as soon as that of the bundled target is.
        """
        await self.place_all()
        everything = self.all()
        for bundled in everything[:1]:
            await _try(bundled)
        if first is not None:
            first.set()
        room = asyncio.Semaphore(_COLLECTS_AT_ONCE)

        async def one(catalogue: CatalogueService) -> None:
            async with room:
                await _try(catalogue)

        await asyncio.gather(*(one(catalogue) for catalogue in everything[1:]))

    async def declare_copy(self, repository: Path) -> None:
        """Declare a copy of a repository as a target, and take it up.

        Raises:
            StartupError: the file that declares targets cannot be written.
        """
        await asyncio.to_thread(self._declared.add_copy, repository)
        await self._read_again()

    async def keep_in_step(self) -> None:
        """Keep all of them in step, also with the file that declares them, until cancelled."""
        kept: dict[CatalogueService, asyncio.Task[None]] = {}
        try:
            while True:
                await self._follow(kept)
                await asyncio.sleep(LOOKS_EVERY_S)
        finally:
            for task in kept.values():
                task.cancel()
            await asyncio.gather(*kept.values(), return_exceptions=True)

    async def _read_again(self) -> None:
        if await asyncio.to_thread(self._declared.refresh):
            try:
                await self.place_all()
            except FindingsError as error:
                log.warning("tickets are not placed anew: %s", error.detail)

    async def _follow(self, kept: dict[CatalogueService, asyncio.Task[None]]) -> None:
        await self._read_again()
        wanted = set(self.all())
        for catalogue in kept.keys() - wanted:
            kept.pop(catalogue).cancel()
        for catalogue in wanted - kept.keys():
            kept[catalogue] = asyncio.create_task(catalogue.keep_in_step(), name="in step")


async def _try(catalogue: CatalogueService) -> None:
    try:
        await catalogue.in_step()
    except FindingsError as error:
        log.warning("the target %s is not in step: %s", catalogue.target.name, error.detail)
    except Exception:
        # Whatever it was: the others, and the tickets, can be served.
        log.exception("the target %s is not in step", catalogue.target.name)
