"""Worker processes and their heartbeats."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.workers import WorkerState
from app.schema.runs import workers
from app.storage.prepared import Prepared
from app.storage.store import Store


def _targets(environment: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = environment.get("targets", {})
    return found


_ENVIRONMENTS = Prepared(lambda: select(workers.c.environment))


class WorkerStore(Store):
    """Worker processes."""

    async def mark_alive(self, state: WorkerState) -> None:
        """Record a sign of life."""
        values = {
            "heartbeat_at": func.now(),
            "concurrency": state.concurrency,
            "running": state.running,
            "package_digest": state.package_digest,
            "suite_digest": state.suite_digest,
            "environment": dict(state.environment),
        }
        statement = upsert(workers).values(name=state.name, **values)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=[workers.c.name], set_=values)
        )

    async def mark_gone(self, name: str) -> None:
        """Take a worker that stopped off the list."""
        await self._connection.execute(delete(workers).where(workers.c.name == name))

    async def forget_silent(self, seconds: float) -> None:
        """Take workers off the list that have been silent for so long."""
        await self._connection.execute(
            delete(workers).where(workers.c.heartbeat_at < func.now() - timedelta(seconds=seconds))
        )

    async def environments(self, target: str) -> list[str]:
        """Return the digests of the environments that workers run a target in, each once."""
        rows = await _ENVIRONMENTS.rows(self._connection)
        found = [_targets(row.environment) for row in rows]
        return sorted({targets[target] for targets in found if target in targets})

    async def all(self) -> list[WorkerState]:
        """Return all workers by name."""
        rows = await self._connection.execute(select(workers).order_by(workers.c.name))
        return [WorkerState(**row._mapping) for row in rows]

    async def alive(self, silence_s: float) -> list[WorkerState]:
        """Return the workers heard of within so many seconds."""
        recent = workers.c.heartbeat_at >= func.now() - timedelta(seconds=silence_s)
        rows = await self._connection.execute(
            select(workers).where(recent).order_by(workers.c.name)
        )
        return [WorkerState(**row._mapping) for row in rows]
