"""Figures over all tickets."""

from __future__ import annotations

from app.domain.figures import DomainCount, Figures, by_specialist
from app.storage.unit import UnitOfWork

MOST_CONTRADICTIONS = 200


class FigureService:
    """What the tickets and reviews add up to."""

    def __init__(self, unit: UnitOfWork, target: str) -> None:
        self._unit = unit
        self._target = target

    async def show(self, *, weeks: int) -> Figures:
        """Return the figures, with the last so many weeks."""
        async with self._unit.read() as stores:
            return Figures(
                tickets=tuple(await stores.figures.tickets()),
                weeks=tuple(await stores.figures.weeks(weeks)),
                specialists=by_specialist(await stores.figures.opinions()),
                contradicted=tuple(await stores.figures.contradictions(MOST_CONTRADICTIONS)),
            )

    async def domains(self) -> list[DomainCount]:
        """Return the domains that tickets name or a target covers, by name."""
        async with self._unit.read() as stores:
            target = await stores.catalogue.target(self._target)
            return await stores.figures.domains(() if target is None else target.domains)
