"""What operators watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.monitoring import Labels, Readings, TargetReading
from app.domain.workers import WorkerState
from app.storage.unit import Stores, UnitOfWork
from app.targets.registry import Registry


class MonitoringService:
    """Totals over all processes, and the state of queue, workers and targets."""

    def __init__(self, unit: UnitOfWork, declared: Registry, silence_s: float) -> None:
        self._unit = unit
        self._declared = declared
        self._silence_s = silence_s

    async def readings(self) -> Readings:
        """Return what is to be seen at this moment."""
        async with self._unit.read() as stores:
            queued, running, oldest = await stores.counters.queue()
            workers = await stores.workers.alive(self._silence_s)
            tickets = await stores.figures.by_target()
            return Readings(
                queued=queued,
                running=running,
                oldest_queued_s=oldest,
                workers=workers,
                counters=await stores.counters.totals(),
                targets=await self._targets(stores, workers, tickets),
                not_covered=tickets.get("", 0),
            )

    async def _targets(
        self, stores: Stores, workers: Sequence[WorkerState], tickets: Mapping[str, int]
    ) -> dict[str, TargetReading]:
        tallies = await stores.catalogue.tallies()
        queued = await stores.counters.queued_by_target()
        run_here = {name for worker in workers for name in worker.targets}
        found = {}
        for name in self._declared.names:
            tests, whole = tallies.get(name, (0, False))
            found[name] = TargetReading(
                runnable=whole and name in run_here and name in self._declared.targets,
                tests=tests,
                tickets=tickets.get(name, 0),
                queued=queued.get(name, 0),
            )
        return found

    async def count(self, amounts: Mapping[tuple[str, Labels], float]) -> None:
        """Add to counters."""
        async with self._unit.begin() as stores:
            await stores.counters.add(amounts)
