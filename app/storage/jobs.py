"""The queue: jobs are deferred, taken and done with on the caller's connection, in its transaction.

Tables and functions are Procrastinate's. Its worker would fetch and finish jobs in transactions of
its own; here a job changes hands together with the run behind it, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text

from app import tracing
from app.domain.targets import BUNDLED
from app.storage.notifier import QUEUE, SWEEPS, jobs_in, notify_workers
from app.storage.prepared import Prepared, as_json
from app.storage.store import Store

RUN_TASK = "findings.execute_run"
"""Name of the task that executes a run."""

SWEEP_TASK = "findings.sweep"
"""Name of the task that looks at all tickets of a target."""

_RESCUE_LOCK = 0x72657363


@dataclass(frozen=True)
class Job:
    """A job that a worker holds."""

    id: int
    run_id: UUID
    """Of the run; of the sweep, where it is the job of one."""
    worker: int
    """The worker's number in the queue."""
    attempts: int
    """How often it waited again before."""
    trace: str | None = None
    """The span of the request that asked for the run."""


class WorkerForgotten(Exception):
    """The queue has given a worker up that it has not heard of for too long."""


class JobStore(Store):
    """Jobs that execute runs, and the workers that hold them."""

    async def defer_run(self, run_id: UUID, target: str) -> None:
        """Queue the execution of a run of a target, if and when this transaction commits."""
        trace = tracing.current()
        await self._defer(QUEUE, target, RUN_TASK, run_id, {"trace": trace} if trace else {})

    async def defer_sweep(self, sweep_id: UUID, target: str) -> None:
        """Queue a sweep of a target, if and when this transaction commits."""
        await self._defer(SWEEPS, target, SWEEP_TASK, sweep_id, {})

    async def _defer(
        self, queue: str, target: str, task: str, run_id: UUID, more: Mapping[str, str]
    ) -> None:
        await _DEFER.run(
            self._connection,
            queue=queue_of(target, queue),
            task=task,
            args=as_json({"run_id": run_id, **more}),
            channel=jobs_in(queue),
        )

    async def take(self, worker: int, targets: Sequence[str], *, queue: str = QUEUE) -> Job | None:
        """Take the oldest job that waits for one of these targets; None when none does.

        Others pass over it until this transaction ends; if it fails, the job waits again.

        Raises:
            WorkerForgotten: the worker was given up.
        """
        try:
            row = await _TAKE.row(
                self._connection,
                queues=[queue_of(target, queue) for target in targets],
                worker=worker,
            )
        except psycopg.IntegrityError as error:
            raise WorkerForgotten(f"worker {worker} is not known to the queue") from error
        if row is None or row.id is None:
            return None
        return Job(
            id=row.id,
            run_id=UUID(row.args["run_id"]),
            worker=worker,
            attempts=row.attempts,
            trace=row.args.get("trace"),
        )

    async def finish(self, job: Job) -> None:
        """Take a job off the queue, unless it went to another worker meanwhile."""
        await _DELETE_HELD.run(self._connection, **_held_by(job))

    async def put_back(self, job: Job, delay_s: float) -> None:
        """Let a job wait again, for a while out of reach; not if another worker has it now."""
        await self._connection.execute(_RETRY_HELD, {**_held_by(job), "delay": delay_s})
        if not delay_s:
            await notify_workers(self._connection)

    async def register_worker(self) -> int:
        """Return a number for a worker that begins; jobs it takes are its own while it beats."""
        number = await self._connection.scalar(
            text("SELECT worker_id FROM procrastinate_register_worker_v1()")
        )
        return int(number or 0)

    async def beat(self, worker: int) -> bool:
        """Record a worker's sign of life; False when it was given up, its number with it."""
        found = await self._connection.scalar(
            text(
                "UPDATE procrastinate_workers SET last_heartbeat = now() "
                "WHERE id = :worker RETURNING id"
            ),
            {"worker": worker},
        )
        return found is not None

    async def unregister_worker(self, worker: int) -> None:
        """Forget a worker that ends; what it still holds waits for the rescue."""
        await self._connection.execute(
            text("SELECT procrastinate_unregister_worker_v1(:worker)"), {"worker": worker}
        )

    async def take_rescue_lock(self) -> bool:
        """Try to be the one worker that looks for lost runs, until this transaction ends."""
        free = await self._connection.scalar(
            text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _RESCUE_LOCK}
        )
        return bool(free)

    async def requeue_lost(self, silence_s: float) -> list[UUID]:
        """Let jobs of workers wait again that gave no sign of life for so long; return their ids.

        Those workers are forgotten, too.
        """
        values = {"queues": [QUEUE, SWEEPS], "silence": silence_s}
        rows = await self._connection.execute(text(_REQUEUE_LOST), values)
        found = [UUID(row.run_id) for row in rows]
        await self._connection.execute(
            text("SELECT procrastinate_prune_stalled_workers_v1(:silence)"), values
        )
        if found:
            # The queue itself rings only for new jobs.
            await notify_workers(self._connection)
        return found

    async def defer_forgotten(self, older_than_s: float) -> list[UUID]:
        """Queue anew the runs that wait or run although no job stands behind them."""
        rows = await self._connection.execute(
            text(_FORGOTTEN), {"task": RUN_TASK, "seconds": older_than_s}
        )
        found = [(UUID(str(row.id)), row.target) for row in rows]
        for run_id, target in found:
            await self.defer_run(run_id, target)
        return [run_id for run_id, _ in found]


def queue_of(target: str, queue: str = QUEUE) -> str:
    """Return the queue in which runs of a target wait: a worker takes those that it can run."""
    return queue if target == BUNDLED else f"{queue}/{target}"


def _held_by(job: Job) -> dict[str, Any]:
    return {"job": job.id, "worker": job.worker, "attempts": job.attempts}


_DEFER = Prepared(
    lambda: text("""
SELECT pg_notify(:channel, ''), procrastinate_defer_jobs_v1(ARRAY[
  ROW(CAST(:queue AS varchar), CAST(:task AS varchar), 0, NULL, NULL, CAST(:args AS jsonb), NULL)
]::procrastinate_job_to_defer_v1[])
""")
)
_TAKE = Prepared(
    lambda: text("""
SELECT id, args, attempts FROM procrastinate_fetch_job_v2(CAST(:queues AS varchar[]), :worker)
""")
)
_DELETE_HELD = Prepared(
    lambda: text("""
DELETE FROM procrastinate_jobs
WHERE id = :job AND worker_id = :worker AND attempts = :attempts AND status = 'doing'
""")
)
_RETRY_HELD = text("""
SELECT procrastinate_retry_job_v2(id, now() + make_interval(secs => :delay), NULL, NULL, NULL)
FROM procrastinate_jobs
WHERE id = :job AND worker_id = :worker AND attempts = :attempts AND status = 'doing'
""")
_REQUEUE_LOST = """
WITH lost AS MATERIALIZED (
  SELECT j.id, j.args ->> 'run_id' AS run_id
  FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
  WHERE split_part(j.queue_name, '/', 1) = ANY(:queues) AND j.status = 'doing'
    AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => :silence))
  FOR UPDATE OF j SKIP LOCKED
)
SELECT run_id, procrastinate_retry_job_v2(id, NULL, NULL, NULL, NULL) FROM lost
"""

_FORGOTTEN = """
SELECT r.id, r.target FROM runs r
WHERE r.status IN ('queued', 'running')
  AND coalesce(r.started_at, r.queued_at) < now() - make_interval(secs => :seconds)
  AND NOT EXISTS (
      SELECT 1 FROM procrastinate_jobs j
      WHERE j.task_name = :task AND j.status IN ('todo', 'doing')
        AND j.args ->> 'run_id' = r.id::text
  )
ORDER BY r.queued_at
"""
