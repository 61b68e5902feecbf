"""What is seen while a run goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.runs import RunEvent
from app.schema.runs import run_events


class RunEventStore:
    """Events of runs, numbered within an attempt."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, run_id: UUID, attempt: int, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event behind the last one of the attempt; the caller holds the run's row."""
        last = (
            select(func.coalesce(func.max(run_events.c.seq), 0))
            .where(run_events.c.run_id == run_id, run_events.c.attempt == attempt)
            .scalar_subquery()
        )
        await self._connection.execute(
            insert(run_events).values(
                run_id=run_id, attempt=attempt, seq=last + 1, kind=kind, data=dict(data)
            )
        )

    async def of_run(self, run_id: UUID, *, after: tuple[int, int], limit: int) -> list[RunEvent]:
        """Return events behind the position (attempt, seq), in order."""
        rows = await self._connection.execute(
            select(run_events)
            .where(
                run_events.c.run_id == run_id,
                tuple_(run_events.c.attempt, run_events.c.seq) > tuple_(*after),
            )
            .order_by(run_events.c.attempt, run_events.c.seq)
            .limit(limit)
        )
        return [
            RunEvent(attempt=row.attempt, seq=row.seq, kind=row.kind, data=row.data, at=row.at)
            for row in rows
        ]
