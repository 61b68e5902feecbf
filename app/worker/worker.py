"""A worker: takes runs off the queue, and rescues those whose worker was lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import structlog

from app import tracing
from app.domain.environment import environment_digest
from app.domain.monitoring import ZYGOTE_STARTS, Labels
from app.domain.workers import WorkerState
from app.errors import FindingsError, Unavailable
from app.factory import Factory
from app.services.execution import Assignment, Slot
from app.services.sweeping import SweepAssignment
from app.storage.jobs import WorkerForgotten
from app.storage.notifier import SWEEPS, set_within
from app.targets.interpreters import InterpreterFailed, ask
from app.worker.executor import Executor
from app.worker.sweeps import SweepExecutor

log = structlog.get_logger(__name__)
T = TypeVar("T")

_LOOKS_FOR_LOST_EVERY_S = 10.0
_HEARTBEAT_EVERY_S = 10.0
_TENDS_ORDERS_EVERY_S = 10.0
_LOOKS_FOR_WORK_EVERY_S = 5.0
"""New jobs ring; those that were put back for a while come due without it."""
_PAUSE_S = 1.0
"""Before the next try while the database is away."""


def worker_name() -> str:
    """Return a name that tells this process from others."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Worker:
    """Executes queued runs, `concurrency` at once.

    The next run is taken up as soon as nothing of the last one is executed any more; its end is
    stored meanwhile.
    """

    def __init__(self, factory: Factory, *, concurrency: int) -> None:
        self._factory = factory
        self._concurrency = concurrency
        self._silence_s = factory.settings.worker_silence_s
        self._name = worker_name()
        self._number = 0
        self._counted = 0
        self._executor = Executor(factory, self._name)
        self._free = asyncio.Semaphore(concurrency)
        self._runs: set[asyncio.Task[None]] = set()

    async def run(self, *, drain_s: float = 30.0) -> None:
        """Work until cancelled; then finish what is running, for at most `drain_s` seconds."""
        await self._factory.sandbox.warm()
        await self._register()
        beside = [
            asyncio.create_task(self._rescue_forever(), name="rescue"),
            asyncio.create_task(self._beat_forever(), name="heartbeat"),
            asyncio.create_task(self._sweep_forever(), name="housekeeping"),
            asyncio.create_task(self._look_again_forever(), name="sweeps"),
            asyncio.create_task(self._tend_forever(), name="work orders"),
        ]
        try:
            await self._serve()
        finally:
            try:
                await self._drain(drain_s)
            finally:
                await _cancelled(*beside)
                with contextlib.suppress(Unavailable):
                    await self._factory.worker_states.record_gone(self._number, self._name)

    async def _register(self) -> None:
        self._number = await _while_away(self._factory.worker_states.register)

    # --- runs ----------------------------------------------------------------------------------

    async def _serve(self) -> None:
        async with self._factory.notifier.watching_jobs() as notified:
            while True:
                await self._free.acquire()
                slot = _Slot(self._free)
                try:
                    assignment = await self._next(notified)
                except BaseException:
                    slot.release()
                    raise
                task = asyncio.create_task(self._execute(assignment, slot), name="run")
                self._runs.add(task)
                task.add_done_callback(self._runs.discard)

    async def _next(self, notified: asyncio.Event) -> Assignment:
        """Wait for a run and take it up."""
        while True:
            notified.clear()
            assignment = await _while_away(self._take)
            if assignment is not None:
                return assignment
            await set_within(notified, _LOOKS_FOR_WORK_EVERY_S)

    async def _take(self) -> Assignment | None:
        execution = self._factory.execution
        taking = asyncio.create_task(execution.take(Slot(self._name, self._number)))
        try:
            return await asyncio.shield(taking)
        except WorkerForgotten:
            await self._register()
            return await self._take()
        except asyncio.CancelledError:
            # What was taken in the very moment of stopping must not count as lost.
            with contextlib.suppress(Unavailable, WorkerForgotten):
                if (assignment := await taking) is not None:
                    await execution.give_back(assignment, "its worker was stopped")
            raise

    async def _execute(self, assignment: Assignment, slot: _Slot) -> None:
        job = assignment.job
        try:
            with tracing.continued(job.trace, "run", {"run.id": str(job.run_id)}):
                await self._executor.execute(assignment, slot.release)
        except Exception:
            # Its job stays behind; without one the run is found by the rescue.
            log.exception("run.failed", run=str(job.run_id))
            with contextlib.suppress(Unavailable):
                await self._factory.execution.let_go(assignment)
        finally:
            slot.release()

    async def _drain(self, seconds: float) -> None:
        """Wait for what is running; what takes longer is given back."""
        if self._runs:
            log.info("worker.drains", runs=len(self._runs))
            await asyncio.wait(self._runs, timeout=seconds)
        await _cancelled(*self._runs)

    # --- what goes on beside -------------------------------------------------------------------

    async def _beat_forever(self) -> None:
        while True:
            started = self._factory.sandbox.starts
            counted: dict[tuple[str, Labels], float] = {
                (ZYGOTE_STARTS, ("",)): started - self._counted
            }
            try:
                # Whole also when the worker stops: committed late, it would list one that is gone.
                known = await _whole(self._beat(counted))
                self._counted = started
                if not known:
                    await self._register()
            except Unavailable as error:
                log.warning("heartbeat.failed", reason=error.detail)
            await asyncio.sleep(min(_HEARTBEAT_EVERY_S, self._silence_s / 3))

    async def _beat(self, counted: Mapping[tuple[str, Labels], float]) -> bool:
        state = await self._state()
        return await self._factory.worker_states.record_alive(self._number, state, counted)

    async def _state(self) -> WorkerState:
        try:
            snapshot = await self._factory.catalogues.first().snapshot()
        except Unavailable as error:
            log.warning("target.unreadable", reason=error.detail)
            snapshot = None
        own = await asyncio.to_thread(_own_environment)
        environments = await asyncio.to_thread(self._environments)
        missing = {layer.name for layer in await self._factory.missing_layers()}
        layers = [layer.name for layer in self._factory.sandbox.layers()]
        return WorkerState(
            name=self._name,
            concurrency=self._concurrency,
            running=len(self._runs),
            package_digest=None if snapshot is None else snapshot.package_digest,
            suite_digest=None if snapshot is None else snapshot.suite_digest,
            environment={
                **own,
                "layers": [name for name in layers if name not in missing],
                "missing": sorted(missing),
                "targets": environments,
            },
        )

    def _environments(self) -> dict[str, str]:
        """Return the targets that can be run here, each with the digest of its environment."""
        found = {}
        self._factory.declared.refresh()
        for name, target in self._factory.declared.targets.items():
            try:
                found[name] = environment_digest(self._factory.environment_of(target))
            except InterpreterFailed as failure:
                log.warning("target.cannot-run", target=name, reason=str(failure))
        return found

    async def _rescue_forever(self) -> None:
        every = min(_LOOKS_FOR_LOST_EVERY_S, self._silence_s / 2)
        while True:
            pause = every
            try:
                for run_id in await self._factory.worker_states.rescue(self._silence_s):
                    log.warning("run.rescued", run=str(run_id))
            except Unavailable as error:
                log.warning("rescue.failed", reason=error.detail)
                # While the database was away nobody could give a sign of life.
                pause = self._silence_s
            await asyncio.sleep(pause)

    async def _tend_forever(self) -> None:
        """Judge what was handed in for work orders also while nobody asks for them."""
        while True:
            try:
                await self._factory.work_orders.tend()
            except FindingsError as error:
                log.warning("work-orders.failed", reason=error.detail)
            await asyncio.sleep(_TENDS_ORDERS_EVERY_S)

    async def _look_again_forever(self) -> None:
        """Take up sweeps, one at a time, beside the runs."""
        executor = SweepExecutor(self._factory, self._name)
        async with self._factory.notifier.watching_jobs(SWEEPS) as notified:
            while True:
                notified.clear()
                assignment = await self._next_sweep()
                if assignment is not None:
                    await executor.execute(assignment)
                    continue
                await set_within(notified, _LOOKS_FOR_WORK_EVERY_S)

    async def _next_sweep(self) -> SweepAssignment | None:
        sweeping, targets = self._factory.sweeping, tuple(self._factory.declared.targets)
        taking = asyncio.create_task(sweeping.take(Slot(self._name, self._number), targets))
        try:
            return await asyncio.shield(taking)
        except WorkerForgotten:
            await self._register()
        except Unavailable as error:
            log.warning("worker.waits", reason=error.detail)
            await asyncio.sleep(_PAUSE_S)
        except asyncio.CancelledError:
            # What was taken in the very moment of stopping must not count as lost.
            with contextlib.suppress(Unavailable, WorkerForgotten):
                if (assignment := await taking) is not None:
                    await sweeping.give_back(assignment, "its worker was stopped")
            raise
        return None

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


def _own_environment() -> dict[str, str]:
    try:
        return ask(sys.executable).environment
    except InterpreterFailed as failure:
        # A worker that says nothing of itself lives all the same.
        log.warning("environment.unknown", reason=str(failure))
        return {}


class _Slot:
    """One of the runs that a worker may execute at once; given up once."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free: asyncio.Semaphore | None = free

    def release(self) -> None:
        free, self._free = self._free, None
        if free is not None:
            free.release()


async def _while_away(ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Ask until the database answers."""
    while True:
        try:
            return await ask()
        except Unavailable as error:
            log.warning("worker.waits", reason=error.detail)
            await asyncio.sleep(_PAUSE_S)


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """Wait for `work`, which comes to its end also when this task is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
