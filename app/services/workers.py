"""Worker processes: their signs of life."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from app.domain.monitoring import Labels
from app.domain.workers import WorkerState
from app.services.service import Service

FORGOTTEN_AFTER_S = 3600.0
"""A worker silent for so long is no longer listed."""


class WorkerService(Service):
    """Which workers there are."""

    async def register(self) -> int:
        """Return the queue's number for a worker that begins."""
        async with self._unit.begin() as stores:
            return await stores.jobs.register_worker()

    async def record_alive(
        self, number: int, state: WorkerState, counted: Mapping[tuple[str, Labels], float]
    ) -> bool:
        """Record a sign of life, and add what the worker has counted since the last one.

        False when the queue has given this worker up meanwhile: it needs another number.
        """
        async with self._unit.begin() as stores:
            known = await stores.jobs.beat(number)
            await stores.workers.mark_alive(state)
            await stores.workers.forget_silent(FORGOTTEN_AFTER_S)
            await stores.counters.add(counted)
            return known

    async def record_gone(self, number: int, name: str) -> None:
        """Take a worker that stops off the list and off the queue."""
        async with self._unit.begin() as stores:
            await stores.jobs.unregister_worker(number)
            await stores.workers.mark_gone(name)

    async def rescue(self, silence_s: float) -> list[UUID]:
        """Queue anew the runs that lost workers left behind, and return them.

        A worker counts as lost after so many seconds without a sign of life. A run is lost, too,
        when no job stands behind it any more. One worker at a time looks.
        """
        async with self._unit.begin() as stores:
            if not await stores.jobs.take_rescue_lock():
                return []
            lost = await stores.jobs.requeue_lost(silence_s)
            return lost + await stores.jobs.defer_forgotten(silence_s)

    async def all(self) -> list[WorkerState]:
        """Return all workers by name."""
        async with self._unit.read() as stores:
            return await stores.workers.all()

    async def missing_everywhere(self, silence_s: float) -> list[str]:
        """Return the isolation layers that miss on the best equipped worker of those alive.

        Empty when some worker has all of them, and while there is no worker.
        """
        async with self._unit.read() as stores:
            alive = await stores.workers.alive(silence_s)
        missing = [list(state.environment.get("missing", ())) for state in alive]
        return min(missing, key=len, default=[])
