"""An arm that was collected: tests are run in forks of it, one job after the other.

Where it must not be forked from - it has threads, shared memory or open pipes, or left more in its
scratch than can be put back - each job has a fresh collection of its own, and runs in it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from app.domain.runs import TestMode, TestResult
from app.sandbox import conclusion
from app.sandbox.execution import Conductor, Execution
from app.sandbox.interface import ArmEvent, ArmReport, ArmStatus, Collection, EventSink
from app.sandbox.job_report import JobReader
from app.sandbox.order import Job

log = logging.getLogger(__name__)

Opened = tuple[Conductor, Execution]
Reopen = Callable[[], Awaitable[Opened | ArmReport]]
Leave = Callable[["CollectedSession", bool], Awaitable[None]]


class CollectedSession:
    """A ``interface.Session``."""

    def __init__(self, opened: Opened, reopen: Reopen, leave: Leave) -> None:
        self._conductor, self._execution = opened
        self._reopen = reopen
        self._leave = leave
        self._is_fresh = True
        self._failure = conclusion.collection_failure(self._execution)
        self._collection = conclusion.collection(self._execution)
        self._broken_names = frozenset(conclusion.broken(self._execution))

    @property
    def tests(self) -> Collection:
        """What was collected."""
        return self._collection

    @property
    def broken(self) -> frozenset[str]:
        """Files that could not be collected; ``""`` stands for all of them."""
        return self._broken_names

    @property
    def failure(self) -> ArmReport | None:
        """Why nothing can be run in it; None while it can."""
        return self._failure

    @property
    def in_place(self) -> str | None:
        """Why each job needs a fresh process instead of a fork; None where forks do."""
        threads = self._execution.collected.threads or 1
        if threads > 1:
            return f"the arm has {threads} threads once it is collected, so a fork could hang"
        if self._execution.collected.shared is not None:
            return f"tests would share what the arm holds: {self._execution.collected.shared}"
        return self._execution.unforkable

    @property
    def hash_seed(self) -> int:
        """What hashes of strings are seeded with in it."""
        return self._execution.hash_seed

    def is_sound(self) -> bool:
        """Whether it may be parked, or taken up again after it was."""
        alive = not self._conductor.is_over and self._conductor.hear_what_came()
        return alive and self._failure is None and self.in_place is None

    async def run(
        self,
        node_ids: Sequence[str],
        *,
        seed: int,
        repeat: int = 1,
        mode: TestMode = TestMode.ALONE,
        on_event: EventSink | None = None,
    ) -> ArmReport:
        """Run collected tests in one process; see ``interface.Session``."""
        if self._failure is None and self._conductor.is_over and not self._has_nothing():
            # It can only be the end of a job that had to be run in the collected process itself.
            reopened = await self._reopen()
            if isinstance(reopened, ArmReport):
                self._failure = reopened
            else:
                self._conductor, self._execution = reopened
                self._failure = conclusion.collection_failure(self._execution)
        if self._failure is not None:
            return self._failure
        relay = Relay(on_event)
        try:
            report = await self._run(node_ids, seed, repeat, mode, relay)
            await relay.close()
        finally:
            relay.drop()
        if report.status is not ArmStatus.COMPLETED:
            self._failure = report
        return report

    async def close(self, *, park: bool = False) -> None:
        """End it, or hand it back to be parked."""
        await self._leave(self, park)

    async def end(self) -> None:
        """End its processes."""
        if not self._conductor.is_over:
            await self._conductor.finish()

    def stop(self) -> None:
        """End what it does, from outside."""
        self._conductor.stop()

    def _has_nothing(self) -> bool:
        """Whether it ended because there was nothing to collect."""
        return not self._execution.collected.items

    async def _run(
        self, node_ids: Sequence[str], seed: int, repeat: int, mode: TestMode, relay: Relay
    ) -> ArmReport:
        execution = self._execution
        there = {name: index for index, name in enumerate(execution.collected.items)}
        wanted = tuple(node_id for node_id in node_ids if node_id in there)
        lost = tuple(conclusion.uncollected(execution, node_ids, repeat, mode))
        for result in lost:
            relay.result(result)
        reader = JobReader(
            execution.order,
            execution.limits,
            token=secrets.token_hex(16),
            expected=wanted,
            repeat=repeat,
            mode=mode,
            output_bytes=execution.limits.output_bytes_per_arm,
        )
        if not wanted:
            return conclusion.nothing_to_run(execution, lost)
        job = Job(
            items=tuple(there[name] for name in wanted),
            token=reader.token,
            seed=seed,
            in_place=self.in_place is not None,
        )
        await self._conductor.run(reader, job, relay.result, relay.output)
        return conclusion.conclude(execution, reader, lost)


class NoSession:
    """A ``interface.Session`` of an arm that could not be started."""

    def __init__(self, report: ArmReport) -> None:
        self.failure: ArmReport = report
        self.in_place: str | None = None
        self.hash_seed = 0
        self.broken: frozenset[str] = frozenset()
        self.tests = Collection(tests=(), errors=(report.reason or report.status,))

    async def run(self, node_ids: Sequence[str], **_: Any) -> ArmReport:
        """Say why nothing is run."""
        return self.failure

    async def close(self, *, park: bool = False) -> None:
        """There is nothing to close."""


class Relay:
    """Hands events to a sink one after the other, without holding up the reading."""

    def __init__(self, sink: EventSink | None) -> None:
        self._sink = sink
        self._queue: asyncio.Queue[ArmEvent | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._pump(sink)) if sink is not None else None

    def result(self, result: TestResult) -> None:
        """A test has ended."""
        if result.stdout:
            self._put("log", {"node_id": result.node_id, "text": result.stdout})
        self._put("test", {**vars(result), "outcome": result.outcome.value})

    def output(self, text: str) -> None:
        """Something was printed outside any test."""
        self._put("log", {"node_id": None, "text": text})

    async def close(self) -> None:
        """Wait until the sink has had everything."""
        if self._task is not None:
            self._queue.put_nowait(None)
            await self._task

    def drop(self) -> None:
        """Forget what the sink has not had yet; nothing, after an orderly end."""
        if self._task is not None:
            self._task.cancel()

    def _put(self, kind: str, data: Mapping[str, Any]) -> None:
        if self._sink is not None:
            self._queue.put_nowait(ArmEvent(kind, data))

    async def _pump(self, sink: EventSink) -> None:
        broken = False
        while (event := await self._queue.get()) is not None:
            if broken:
                continue
            try:
                await sink(event)
            except Exception:
                # A reader that fails loses the live view, not the run: the report holds it all.
                log.exception("the reader of live events failed; it gets no more of this arm")
                broken = True
