"""What is seen while a run goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.runs import RunEvent
from app.schema.runs import run_events, runs


class RunEventStore:
    """Events of runs, numbered within an attempt."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, run_id: UUID, attempt: int, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event behind the last one of the attempt."""
        await self.add_many(run_id, attempt, [(kind, data)])

    async def add_many(
        self, run_id: UUID, attempt: int, events: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> None:
        """Add events behind the last one of the attempt, in order.

        Locks the run's row first: its worker and a client that cancels it may both write.
        """
        if not events:
            return
        await self._connection.execute(
            select(runs.c.id).where(runs.c.id == run_id).with_for_update()
        )
        last = await self._connection.scalar(
            select(func.coalesce(func.max(run_events.c.seq), 0)).where(
                run_events.c.run_id == run_id, run_events.c.attempt == attempt
            )
        )
        await self._connection.execute(
            insert(run_events),
            [
                {
                    "run_id": run_id,
                    "attempt": attempt,
                    "seq": int(last or 0) + n,
                    "kind": kind,
                    "data": dict(data),
                }
                for n, (kind, data) in enumerate(events, 1)
            ],
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
