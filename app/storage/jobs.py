"""The queue: jobs are deferred on the caller's connection, in the caller's transaction."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import procrastinate
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app import tracing
from app.storage.bell import ring

RUN_TASK = "findings.execute_run"
"""Name of the task that executes a run; the worker registers it."""

QUEUE = "runs"

_RESCUE_LOCK = 0x72657363

_deferring = procrastinate.App(connector=procrastinate.PsycopgConnector())
"""Never opened: it only writes jobs on connections that it is given."""


class JobStore:
    """Defers jobs by task name."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def defer_run(self, run_id: UUID, *, delay_s: float = 0) -> None:
        """Queue the execution of a run, if and when this transaction commits."""
        raw = await self._connection.get_raw_connection()
        wait: dict[str, Any] = {"schedule_in": {"seconds": delay_s}} if delay_s else {}
        task = _deferring.configure_task(
            RUN_TASK, queue=QUEUE, connection=cast("Any", raw.driver_connection), **wait
        )
        trace = tracing.current()
        await task.defer_async(run_id=str(run_id), **({"trace": trace} if trace else {}))

    async def ring(self, run_id: UUID) -> None:
        """Wake those who wait for a run, if and when this transaction commits."""
        await ring(self._connection, run_id)

    async def take_rescue_lock(self) -> bool:
        """Try to be the one worker that looks for lost runs, until this transaction ends."""
        free = await self._connection.scalar(
            text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _RESCUE_LOCK}
        )
        return bool(free)

    async def defer_forgotten(self, older_than_s: float) -> list[UUID]:
        """Queue anew the runs that wait or run although no job stands behind them."""
        rows = await self._connection.scalars(
            text(_FORGOTTEN), {"task": RUN_TASK, "seconds": older_than_s}
        )
        found = [UUID(str(row)) for row in rows]
        for run_id in found:
            await self.defer_run(run_id)
        return found


_FORGOTTEN = """
SELECT r.id FROM runs r
WHERE r.status IN ('queued', 'running')
  AND coalesce(r.started_at, r.queued_at) < now() - make_interval(secs => :seconds)
  AND NOT EXISTS (
      SELECT 1 FROM procrastinate_jobs j
      WHERE j.task_name = :task AND j.status IN ('todo', 'doing')
        AND j.args ->> 'run_id' = r.id::text
  )
ORDER BY r.queued_at
"""
