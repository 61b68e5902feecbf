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
        self._kept: dict[int, tuple[str, Figures]] = {}
        """The last figures by the number of weeks, each with the version that they show."""

    async def show(self, *, weeks: int) -> Figures:
        """Return the figures, with the last so many weeks; from memory while nothing changes."""
        async with self._unit.read() as stores:
            # The version first: what changes while the figures are read belongs to the next.
            version = await stores.figures.version()
            kept = self._kept.get(weeks)
            if kept is not None and kept[0] == version:
                return kept[1]
            figures = Figures(
                tickets=tuple(await stores.figures.tickets()),
                weeks=tuple(await stores.figures.weeks(weeks)),
                specialists=by_specialist(await stores.figures.opinions()),
                contradicted=tuple(await stores.figures.contradictions(MOST_CONTRADICTIONS)),
            )
            if version is not None:
                self._kept[weeks] = (version, figures)
            return figures

    async def domains(self) -> list[DomainCount]:
        """Return the domains that tickets name or a target covers, by name."""
        async with self._unit.read() as stores:
            target = await stores.catalogue.target(self._target)
            return await stores.figures.domains(() if target is None else target.domains)
