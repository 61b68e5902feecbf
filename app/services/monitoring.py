"""What operators watch."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.monitoring import Labels, Readings
from app.storage.unit import UnitOfWork


class MonitoringService:
    """Totals over all processes, and the state of queue and workers."""

    def __init__(self, unit: UnitOfWork, silence_s: float) -> None:
        self._unit = unit
        self._silence_s = silence_s

    async def readings(self) -> Readings:
        """Return what is to be seen at this moment."""
        async with self._unit.read() as stores:
            queued, running, oldest = await stores.counters.queue()
            return Readings(
                queued=queued,
                running=running,
                oldest_queued_s=oldest,
                workers=await stores.workers.alive(self._silence_s),
                counters=await stores.counters.totals(),
            )

    async def count(self, amounts: Mapping[tuple[str, Labels], float]) -> None:
        """Add to counters."""
        async with self._unit.begin() as stores:
            await stores.counters.add(amounts)
