"""Waiting for runs and tickets to change: one listening connection per process for all."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

RUNS = "findings_runs"
"""Rung for a run with its id, and `OVER` behind it when there is no more to wait for."""

QUEUE = "runs"
"""The name of the queue that runs wait in."""

SWEEPS = "sweeps"
"""The name of the queue that sweeps wait in, beside that of runs."""

CHANGES = "changes"
"""Not notified, but looked for: the server lets transactions that notify commit only one after the
other, each with its own write to the disk."""

_LOOK_EVERY_S = 0.2
"""So often somebody looks for changes, as long as anybody waits for them."""

_NEWEST = "SELECT xid::text FROM audit_events ORDER BY xid DESC, id DESC LIMIT 1"
"""Changes with every event that nothing older holds back."""

OVER = " over"

_RECONNECT_AFTER_S = 1.0

Shown = TypeVar("Shown")

log = structlog.get_logger(__name__)


def notice_of(run_id: UUID, *, over: bool) -> str:
    """Return what is sent on `RUNS` to wake those who watch a run.

    With `over` those who wait for its end are woken too, or for the end of an attempt.
    """
    return f"{run_id}{OVER if over else ''}"


async def set_within(notified: asyncio.Event, seconds: float) -> bool:
    """Wait until it is notified, for `seconds` at most; tell whether it was.

    Not by ``asyncio.wait_for``, which until Python 3.12 forgets that it was cancelled where both
    happen at once: a worker that was told to stop would go on.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await notified.wait()
            return True
    return False


def jobs_in(queue: str) -> str:
    """Return what is notified when a job waits in a queue; by itself when one comes in."""
    return f"procrastinate_queue_v1#{queue}"


async def notify_workers(connection: AsyncConnection) -> None:
    """Tell all workers that a job waits somewhere, if and when this transaction commits."""
    await connection.execute(
        text("SELECT pg_notify(channel, '') FROM unnest(CAST(:channels AS text[])) AS channel"),
        {"channels": [jobs_in(queue) for queue in (QUEUE, SWEEPS)]},
    )


_LISTEN = "; ".join(f'LISTEN "{channel}"' for channel in (RUNS, *map(jobs_in, (QUEUE, SWEEPS))))


class Notifier:
    """Wakes those who wait for a run, for any change to a ticket, or for work."""

    def __init__(self, connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]]) -> None:
        self._connect = connect
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._newest: tuple[Any, ...] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen(), name="notifier")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def watching(self, run_id: UUID) -> AbstractAsyncContextManager[asyncio.Event]:
        """Give an event that is set whenever the run changes; look first, then wait for it."""
        return self._watching(str(run_id))

    def watching_end(self, run_id: UUID) -> AbstractAsyncContextManager[asyncio.Event]:
        """Give an event that is set when the run has ended, or an attempt at it has."""
        return self._watching(f"{run_id}{OVER}")

    async def until_over(
        self,
        run_id: UUID,
        seconds: float,
        show: Callable[[UUID], Awaitable[Shown]],
        is_over: Callable[[Shown], bool],
    ) -> Shown:
        """Return a run, or what is watched like one, once it is over, or after `seconds`."""
        deadline = asyncio.get_running_loop().time() + seconds
        async with self.watching_end(run_id) as changed:
            while True:
                changed.clear()
                found = await show(run_id)
                left = deadline - asyncio.get_running_loop().time()
                if is_over(found) or left <= 0:
                    return found
                await set_within(changed, left)

    def watching_jobs(self, queue: str = QUEUE) -> AbstractAsyncContextManager[asyncio.Event]:
        """Give an event that is set when a job waits in a queue; some come due without it."""
        return self._watching(jobs_in(queue))

    def watching_changes(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """Give an event that is set whenever a ticket changes; look first, then wait for it."""
        return self._watching(CHANGES)

    @property
    def waiting(self) -> int:
        """How many wait at present."""
        return sum(len(events) for events in self._waiting.values())

    @contextlib.asynccontextmanager
    async def _watching(self, topic: str) -> AsyncIterator[asyncio.Event]:
        event = asyncio.Event()
        self._waiting[topic].add(event)
        try:
            yield event
        finally:
            self._waiting[topic].discard(event)
            if not self._waiting[topic]:
                del self._waiting[topic]

    async def _listen(self) -> None:
        while True:
            try:
                async with await self._connect() as connection:
                    await connection.execute(_LISTEN)
                    self._wake_all()  # something may have changed while nobody listened
                    while True:
                        async for notice in connection.notifies(timeout=_LOOK_EVERY_S):
                            self._hear(notice)
                        if CHANGES in self._waiting:
                            await self._look(connection)
            except psycopg.OperationalError as error:
                log.warning("notifier.lost", reason=str(error).strip())
                await asyncio.sleep(_RECONNECT_AFTER_S)

    def _hear(self, notice: psycopg.Notify) -> None:
        of_run = notice.channel == RUNS
        topic = notice.payload if of_run else notice.channel
        self._wake(topic)
        if of_run and topic.endswith(OVER):
            self._wake(topic.removesuffix(OVER))

    async def _look(self, connection: psycopg.AsyncConnection[Any]) -> None:
        newest = await (await connection.execute(_NEWEST)).fetchone()
        if newest != self._newest:
            self._newest = newest
            self._wake(CHANGES)

    def _wake(self, topic: str) -> None:
        for event in self._waiting.get(topic, ()):
            event.set()

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()
