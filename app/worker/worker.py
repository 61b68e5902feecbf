"""A worker: takes runs off the queue, and rescues those whose worker was lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from uuid import UUID

import procrastinate
import structlog

from app import tracing
from app.database import libpq_url
from app.domain.monitoring import ZYGOTE_STARTS
from app.domain.workers import WorkerState
from app.errors import Unavailable
from app.factory import Factory
from app.storage.jobs import QUEUE, RUN_TASK
from app.worker.executor import Executor, own_environment

log = structlog.get_logger(__name__)

_RESCUE_EVERY_S = 10.0
_HEARTBEAT_EVERY_S = 10.0


def worker_name() -> str:
    """Return a name that tells this process from others."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Worker:
    """Executes queued runs, `concurrency` at once."""

    def __init__(self, factory: Factory, *, concurrency: int) -> None:
        self._factory = factory
        self._concurrency = concurrency
        self._running = 0
        self._counted = 0
        self._silence_s = factory.settings.worker_silence_s
        self._executor = Executor(factory, worker_name())
        self.app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(
                conninfo=libpq_url(factory.database_url),
                min_size=1,
                max_size=concurrency + 3,
                kwargs={"application_name": "findings worker"},
            )
        )
        self.app.task(name=RUN_TASK, queue=QUEUE)(self._run_task)

    async def _run_task(self, run_id: str, trace: str | None = None) -> None:
        self._running += 1
        try:
            with tracing.continued(trace, "run", {"run.id": run_id}):
                await self._executor.execute(UUID(run_id))
        finally:
            self._running -= 1

    async def _beat_forever(self) -> None:
        while True:
            try:
                await self._factory.worker_states.record_alive(await self._state())
                await self._count_zygotes()
            except Unavailable as error:
                log.warning("heartbeat.failed", reason=error.detail)
            await asyncio.sleep(_HEARTBEAT_EVERY_S)

    async def _count_zygotes(self) -> None:
        started = self._factory.sandbox.starts
        await self._factory.monitoring.count({(ZYGOTE_STARTS, ("",)): started - self._counted})
        self._counted = started

    async def _sweep_forever(self) -> None:
        every = self._factory.settings.housekeeping_every_s
        while True:
            await asyncio.sleep(every * random.uniform(0.5, 1.5))  # noqa: S311  # spreads workers
            try:
                removed = await self._factory.sweep()
            except Unavailable as error:
                log.warning("housekeeping.failed", reason=error.detail)
                continue
            log.info("housekeeping.done", **{k.replace(" ", "_"): n for k, n in removed.items()})

    async def _state(self) -> WorkerState:
        snapshot = await self._factory.catalogue.snapshot()
        missing = {layer.name for layer in await self._factory.missing_layers()}
        layers = [layer.name for layer in self._factory.sandbox.layers()]
        return WorkerState(
            name=worker_name(),
            concurrency=self._concurrency,
            running=self._running,
            package_digest=snapshot.package_digest,
            suite_digest=snapshot.suite_digest,
            environment={
                **own_environment(),
                "layers": [name for name in layers if name not in missing],
                "missing": sorted(missing),
            },
        )

    async def run(self, *, drain_s: float = 30.0) -> None:
        """Work until cancelled; then finish what is running, for at most `drain_s` seconds."""
        async with self.app.open_async():
            await self._factory.sandbox.warm()
            rescue = asyncio.create_task(self._rescue_forever(), name="rescue")
            beat = asyncio.create_task(self._beat_forever(), name="heartbeat")
            sweep = asyncio.create_task(self._sweep_forever(), name="housekeeping")
            try:
                await self.app.run_worker_async(
                    queues=[QUEUE],
                    name=worker_name(),
                    concurrency=self._concurrency,
                    install_signal_handlers=False,
                    delete_jobs="always",
                    fetch_job_polling_interval=5.0,
                    shutdown_graceful_timeout=drain_s,
                    update_heartbeat_interval=max(0.5, self._silence_s / 3),
                    stalled_worker_timeout=self._silence_s,
                )
            finally:
                for task in (rescue, beat, sweep):
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
                with contextlib.suppress(Unavailable):
                    await self._factory.worker_states.record_gone(worker_name())

    async def _rescue_forever(self) -> None:
        pause = min(_RESCUE_EVERY_S, self._silence_s / 2)
        while True:
            try:
                await self.rescue()
            except (Unavailable, procrastinate.exceptions.ConnectorException) as error:
                log.warning("rescue.failed", reason=str(error).strip())
            await asyncio.sleep(pause)

    async def rescue(self) -> int:
        """Queue anew what lost workers left behind; return how much that was.

        A job counts as lost when its worker has sent no sign of life for a while; a run also when
        no job stands behind it any more.
        """
        async with self._factory.unit.begin() as stores:
            if not await stores.jobs.take_rescue_lock():
                return 0
            stalled = list(
                await self.app.job_manager.get_stalled_jobs(
                    queue=QUEUE, seconds_since_heartbeat=self._silence_s
                )
            )
            for job in stalled:
                log.warning("run.rescued", job=job.id, run=job.task_kwargs.get("run_id"))
                await self.app.job_manager.retry_job(job)
            forgotten = await stores.jobs.defer_forgotten(self._silence_s)
        return len(stalled) + len(forgotten)
