"""Figures over all tickets."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from app.domain.figures import DomainCount, Figures, by_specialist
from app.services.sight import sight
from app.storage.unit import Stores, UnitOfWork

MOST_CONTRADICTIONS = 200

_CHEAP_S = 0.25
"""What takes no longer is read anew after each change."""

_KEPT_TIMES, _KEPT_S = 20, 60.0
"""What takes longer is kept so many times as long, and no longer than so many seconds."""

_MOST_KEPT = 500
"""Each blind reviewer has figures of its own."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class _Kept:
    """Figures that were read."""

    version: str | None
    """What they show; None when something was on its way into it."""
    until: float
    """Until then they are good enough, whatever changes."""
    value: Any


class FigureService:
    """What the tickets and reviews add up to.

    Figures come from memory while nothing changes. With very many tickets, where it takes seconds
    to read them, they may be a minute old: whoever asks again and again must not bind the server.
    """

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._kept: dict[Hashable, _Kept] = {}
        self._turns: defaultdict[Hashable, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def show(self, *, weeks: int) -> Figures:
        """Return the figures, with the last so many weeks; of hidden verdicts none."""
        blind = sight()

        async def read(stores: Stores) -> Figures:
            return Figures(
                tickets=tuple(await stores.figures.tickets()),
                weeks=tuple(await stores.figures.weeks(weeks)),
                specialists=by_specialist(await stores.figures.opinions(blind)),
                contradicted=tuple(await stores.figures.contradictions(MOST_CONTRADICTIONS, blind)),
                targets=tuple(stores.placement.covered),
            )

        return await self._read_or_kept(("figures", weeks, blind), read)

    async def domains(self) -> list[DomainCount]:
        """Return the domains that tickets name or a target covers, by name."""

        async def read(stores: Stores) -> list[DomainCount]:
            covered = [
                domain
                for name, own in stores.placement.covered.items()
                if await stores.catalogue.target(name) is not None
                for domain in own
            ]
            return await stores.figures.domains(covered)

        return await self._read_or_kept("domains", read)

    async def _read_or_kept(
        self, name: Hashable, read: Callable[[Stores], Awaitable[Value]]
    ) -> Value:
        async with self._turns[name]:
            kept = self._kept.get(name)
            if kept is not None and time.monotonic() < kept.until:
                return cast("Value", kept.value)
            return await self._read_unless_kept(name, kept, read)

    async def _read_unless_kept(
        self, name: Hashable, kept: _Kept | None, read: Callable[[Stores], Awaitable[Value]]
    ) -> Value:
        async with self._unit.read() as stores:
            # The version first: what changes while the figures are read belongs to the next.
            version = await stores.figures.version()
            if version is not None:
                version = f"{version} {stores.placement.covered}"
            if kept is not None and kept.version == version is not None:
                return cast("Value", kept.value)
            started = time.monotonic()
            value = await read(stores)
            ended = time.monotonic()
            took = ended - started
            until = ended + min(_KEPT_S, took * _KEPT_TIMES) if took > _CHEAP_S else ended
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[name] = _Kept(version, until, value)
            return value
