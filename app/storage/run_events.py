"""What is seen while a run goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, tuple_

from app.domain.runs import RunEvent
from app.schema.runs import run_events
from app.storage.notifier import RUNS, notice_of
from app.storage.prepared import Prepared, as_json
from app.storage.rows import from_row
from app.storage.store import Store


class RunEventStore(Store):
    """Events of runs, numbered within an attempt."""

    async def add(
        self, run_id: UUID, attempt: int, kind: str, data: Mapping[str, Any], *, over: bool = False
    ) -> None:
        """Add an event behind the last one of the attempt; see `add_many`."""
        await self.add_many(run_id, attempt, [(kind, data)], over=over)

    async def add_many(
        self,
        run_id: UUID,
        attempt: int,
        events: Sequence[tuple[str, Mapping[str, Any]]],
        *,
        over: bool = False,
    ) -> None:
        """Add events behind the last one of the attempt, in order, and wake who watches the run.

        With `over` also those who wait for its end, or for the end of an attempt. The caller has
        locked the run's row, for its worker and a client that cancels it may both write: by a
        change to it, or by `RunStore.hold`.
        """
        given = [{"kind": kind, "data": data} for kind, data in events]
        await _ADD.run(
            self._connection,
            run=run_id,
            attempt=attempt,
            events=as_json(given),
            channel=RUNS,
            notice=notice_of(run_id, over=over),
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
        return [from_row(RunEvent, row) for row in rows]


_ADD = Prepared(
    lambda: text("""
WITH added AS (
  INSERT INTO run_events (run_id, attempt, seq, kind, data)
  SELECT :run, :attempt, last.seq + given.n, given.event ->> 'kind', given.event -> 'data'
  FROM (
    SELECT coalesce(max(seq), 0) AS seq FROM run_events WHERE run_id = :run AND attempt = :attempt
  ) AS last, jsonb_array_elements(CAST(:events AS jsonb)) WITH ORDINALITY AS given (event, n)
)
SELECT pg_notify(:channel, :notice)
""")
)
