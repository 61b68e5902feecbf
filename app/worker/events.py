"""What is seen of a run goes to the database in batches, not line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import structlog

from app.errors import Unavailable
from app.services.execution import ExecutionService
from app.storage.notifier import set_within
from app.storage.runs import ClaimedRun

log = structlog.get_logger(__name__)

_FLUSH_EVERY_S = 0.25
"""A short run ends before, and then needs no transaction for its events."""
_MOST_WAITING = 5000
"""More than that is dropped: events are for watching, results carry the proof."""

Event = tuple[str, Mapping[str, Any]]


class EventBatch:
    """Gathers events and writes them four times a second, but for the last ones.

    Those are left for the transaction that ends the run, so that a short run needs no other.
    """

    def __init__(self, execution: ExecutionService, run: ClaimedRun) -> None:
        self._execution = execution
        self._run = run
        self._waiting: list[Event] = []
        self._some = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event; it is written a little later."""
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append((kind, data))
            self._some.set()

    def rest(self) -> list[Event]:
        """Return the events that were not written."""
        return self._waiting

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._flush_until_closed(), name="run events")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._some.set()
        if self._task is not None:
            await self._task

    async def _flush_until_closed(self) -> None:
        while not self._closing.is_set():
            await self._some.wait()
            if await set_within(self._closing, _FLUSH_EVERY_S):
                return
            await self._flush()

    async def _flush(self) -> None:
        self._some.clear()
        batch, self._waiting = self._waiting, []
        try:
            await self._execution.record(self._run, batch)
        except Unavailable as reason:
            log.warning("run.events-lost", run=str(self._run.id), count=len(batch), why=str(reason))
