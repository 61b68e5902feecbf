"""Worker processes: their signs of life."""

from __future__ import annotations

from app.domain.workers import WorkerState
from app.storage.unit import UnitOfWork

FORGOTTEN_AFTER_S = 3600.0
"""A worker silent for so long is no longer listed."""


class WorkerService:
    """Which workers there are."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit

    async def record_alive(self, state: WorkerState) -> None:
        """Record a sign of life."""
        async with self._unit.begin() as stores:
            await stores.workers.mark_alive(state)
            await stores.workers.forget_silent(FORGOTTEN_AFTER_S)

    async def record_gone(self, name: str) -> None:
        """Take a worker that stops off the list."""
        async with self._unit.begin() as stores:
            await stores.workers.mark_gone(name)

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
