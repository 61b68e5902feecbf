"""The service's side of one arm: start a supervisor, hand it jobs, read, keep deadlines, stop all.

Runs in the event loop and never blocks it. The guest's clock and claims play no part: a deadline
counts from when this side saw a test begin, and how the guest ended is what the supervisor says.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from app.domain.runs import TestResult
from app.sandbox import handover
from app.sandbox.collected import CollectionReader
from app.sandbox.feeds import Pieces, PipeFeed, SocketFeed
from app.sandbox.interface import Limits
from app.sandbox.job_report import JobReader
from app.sandbox.order import Job, Order
from app.sandbox.report_lines import Tampered
from app.sandbox.report_text import clip_bytes

_GONE_S = 2.0
_DRAIN_S = 1.0
_FLOOD = 64
"""So many times the arm's share may be printed outside tests before the arm is stopped."""
_MAX_CONTROL_BYTES = 1 << 16


class Ending(StrEnum):
    """Why reading stopped."""

    EXITED = "exited"
    TIMED_OUT = "timed-out"
    TAMPERED = "tampered"
    FLOODED = "flooded"
    STOPPED = "stopped"
    NOT_STARTED = "not-started"


@dataclass
class Execution:
    """What is known about one arm's execution, while it runs and after."""

    order: Order
    limits: Limits
    collected: CollectionReader
    job: JobReader | None = None
    """The job that is under way or was the last."""
    fork_status: int | None = None
    """Wait status of the job's fork; None while it runs."""
    is_ready: bool = False
    """Whether the guest has collected and waits for jobs."""
    unforkable: str | None = None
    """Why no fork could be put back to the state after collection."""
    ending: Ending = Ending.EXITED
    detail: str = ""
    late: Literal["arm", "test"] = "arm"
    """Whose deadline was met, when one was."""
    status: int | None = None
    """Exit status of the guest by the supervisor's word; None when the supervisor fell silent."""
    supervisor: int | None = None
    refused: tuple[str, str] | None = None
    spoiled: str | None = None
    """What a test did that the arm must end for."""
    greedy: int | None = None
    """How much memory was allowed, when the guest's processes together held more."""
    printed: bytearray = field(default_factory=bytearray)
    printed_bytes: int = 0
    engine: str = "none"
    """What started the supervisor."""
    hash_seed: int = 0
    """What its interpreter hashes strings with."""

    @property
    def running(self) -> str | None:
        """The test that is running, unless it is a hidden one."""
        if self.job is None or self.job.running is None:
            return None
        return None if self.job.is_canary(self.job.running) is not None else self.job.running

    @property
    def output(self) -> str:
        """What was printed outside any test."""
        text = self.printed.decode(errors="replace").replace("\0", "\\x00")
        missing = self.printed_bytes - len(self.printed)
        text = clip_bytes(text, self.limits.output_bytes_per_arm)
        return f"{text}\n[… {missing} bytes cut …]" if missing > 0 else text


@dataclass(frozen=True)
class ChildEnds:
    """The supervisor's ends of the three channels; closed here once it has them."""

    control: socket.socket
    report: int
    output: int

    def close(self) -> None:
        """Close all three."""
        self.control.close()
        os.close(self.report)
        os.close(self.output)


@dataclass(frozen=True)
class Started:
    """A supervisor is running."""

    engine: str
    """What started it."""
    hash_seed: int
    """What its interpreter hashes strings with."""
    reap: Callable[[], Awaitable[None]]
    """Waits until its process is gone and clears it away."""


Start = Callable[[ChildEnds], Awaitable[Started]]
"""Starts a supervisor with its ends; raises `StartFailed`."""
OnResult = Callable[[TestResult], None]
OnOutput = Callable[[str], None]


OnEnd = Callable[["Conductor"], Awaitable[None]]


class StartFailed(Exception):
    """No supervisor could be started."""


def _unheard(_: object) -> None:
    """Nobody listens."""


class Conductor:
    """Collects one arm through a supervisor, and runs jobs in it."""

    def __init__(self, execution: Execution, start: Start, on_end: OnEnd) -> None:
        self._execution = execution
        self._start = start
        self._on_end = on_end
        self._on_output: OnOutput = _unheard
        self._on_result: OnResult = _unheard
        self._queue: Pieces = asyncio.Queue()
        self._control: asyncio.WriteTransport | None = None
        self._carrier: socket.socket | None = None
        self._output: PipeFeed | None = None
        self._feeds: list[PipeFeed | asyncio.BaseTransport] = []
        self._started: Started | None = None
        self._open: set[str] = set()
        self._told = bytearray()
        self._began: str | None = None
        self._test_deadline = 0.0
        self._jobs = 0
        self.is_over = False
        """Whether all of it is gone."""

    async def collect(self) -> None:
        """Start it, and wait until it has collected; when it ends instead, it `is_over`."""
        try:
            await self._begin()
            deadline = asyncio.get_running_loop().time() + self._execution.limits.per_arm_s
            await self._follow("report", deadline)
        except StartFailed as failure:
            self._execution.ending, self._execution.detail = Ending.NOT_STARTED, str(failure)
        except BaseException:
            await self.finish()
            raise
        if not self._is_idle():
            await self.finish()

    async def run(
        self, reader: JobReader, job: Job, on_result: OnResult, on_output: OnOutput
    ) -> None:
        """Run one job to its end; afterwards `is_over` tells whether another can be run."""
        execution = self._execution
        execution.job, execution.fork_status = reader, None
        execution.printed, execution.printed_bytes = bytearray(), 0
        self._on_result, self._on_output, self._began = on_result, on_output, None
        self._jobs += 1
        name = f"job {self._jobs}"
        try:
            self._hand_over(name, job)
            deadline = asyncio.get_running_loop().time() + execution.limits.per_arm_s
            await self._follow(name, deadline)
        except BaseException:
            await self.finish()
            raise
        if not self._is_idle():
            await self.finish()

    def stop(self) -> None:
        """End it from outside."""
        self._queue.put_nowait(("stop", None))

    async def finish(self) -> None:
        """End it, guest and all its descendants, even when whoever asks is cancelled meanwhile."""
        task = asyncio.current_task()
        self.is_over = True
        cleaning = asyncio.ensure_future(self._finish())
        cancelled = False
        while not cleaning.done():
            try:
                await asyncio.shield(cleaning)
            except asyncio.CancelledError:
                if task is None or cleaning.cancelled():
                    raise
                cancelled = True
        await cleaning
        if cancelled:
            raise asyncio.CancelledError

    def hear_what_came(self) -> bool:
        """Take in what came while nothing was asked; whether it still waits for jobs."""
        now = asyncio.get_running_loop().time()
        while not self._queue.empty():
            if not self._handle(*self._queue.get_nowait(), now):
                return False
        return self._is_idle() and "control" in self._open

    def _is_idle(self) -> bool:
        """Whether it waits for the next job."""
        execution = self._execution
        done = execution.job is None or execution.fork_status is not None
        sound = execution.ending is Ending.EXITED and execution.spoiled is None
        return execution.is_ready and done and sound and execution.status is None

    async def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        report, report_end = os.pipe()
        output, output_end = os.pipe()
        ends = ChildEnds(theirs, report_end, output_end)
        unowned: list[socket.socket] = [ours]
        try:
            self._read_pipe("report", report)
            self._output = self._read_pipe("output", output)
            self._carrier = ours.dup()
            control, _ = await loop.create_unix_connection(
                lambda: SocketFeed("control", self._queue), sock=ours
            )
            unowned.remove(ours)
            self._add("control", control)
            self._control = control
            self._started = await self._start(ends)
            self._execution.engine = self._started.engine
            self._execution.hash_seed = self._started.hash_seed
        finally:
            ends.close()
            for end in unowned:
                end.close()
        control.write(self._execution.order.to_line())

    def _hand_over(self, name: str, job: Job) -> None:
        """Send a job with the writing end of a pipe that is made for it."""
        assert self._control is not None and self._carrier is not None
        reading, writing = os.pipe()
        try:
            self._read_pipe(name, reading)
            # Nothing is on its way to the supervisor, so the one byte that carries the pipe fits.
            with suppress(OSError):
                handover.carry(self._carrier, writing)
                self._control.write(job.to_line())
        finally:
            os.close(writing)

    def _read_pipe(self, name: str, descriptor: int) -> PipeFeed:
        feed = PipeFeed(name, self._queue, descriptor)
        self._add(name, feed)
        return feed

    def _add(self, name: str, feed: PipeFeed | asyncio.BaseTransport) -> None:
        self._feeds.append(feed)
        self._open.add(name)

    async def _follow(self, source: str, arm_deadline: float) -> None:
        """Take in what comes until `source` has ended, and the supervisor has told its end."""
        loop = asyncio.get_running_loop()
        execution = self._execution
        while not self._heard_all(source):
            deadline = arm_deadline
            if execution.job is not None and execution.job.running is not None:
                deadline = min(deadline, self._test_deadline)
            ended = self._has_ended()
            if ended:
                # Nothing that could write is left, but the last bytes may be on their way.
                deadline = loop.time() + _DRAIN_S
            try:
                async with asyncio.timeout_at(deadline):
                    name, data = await self._queue.get()
            except TimeoutError:
                if not ended:
                    execution.ending = Ending.TIMED_OUT
                    execution.late = "arm" if deadline == arm_deadline else "test"
                return
            if not self._handle(name, data, loop.time()):
                return
        if execution.status is None and self._output is not None:
            # What the test printed outside of pytest's sight is in the pipe by now.
            self._output.pull()
            while not self._queue.empty() and self._handle(*self._queue.get_nowait(), loop.time()):
                pass

    def _has_ended(self) -> bool:
        """Whether what is followed has ended by the supervisor's word: collection, job or guest."""
        execution = self._execution
        if execution.status is not None or "control" not in self._open:
            return True
        return execution.is_ready if execution.job is None else execution.fork_status is not None

    def _heard_all(self, source: str) -> bool:
        """Whether that end is known and nothing is left to read."""
        if not self._has_ended() or source in self._open:
            return False
        gone = self._execution.status is not None or "control" not in self._open
        return not (gone and "output" in self._open)

    def _handle(self, name: str, data: bytes | None, now: float) -> bool:
        """Take in one piece; False when that was enough."""
        execution = self._execution
        if name == "stop":
            execution.ending = Ending.STOPPED
            return False
        if data is None:
            self._open.discard(name)
        elif name == "control":
            self._hear(data)
        elif name == "output":
            self._keep_output(data)
            if execution.printed_bytes > _FLOOD * execution.limits.output_bytes_per_arm:
                execution.ending = Ending.FLOODED
                return False
        else:
            return self._read(name, data, now)
        return True

    def _read(self, name: str, data: bytes, now: float) -> bool:
        execution = self._execution
        try:
            if name == "report":
                execution.collected.feed(data)
                return True
            if execution.job is None or name != f"job {self._jobs}":
                return True
            for result in execution.job.feed(data):
                self._on_result(result)
        except Tampered as reason:
            execution.ending, execution.detail = Ending.TAMPERED, str(reason)
            return False
        if execution.job.running != self._began:
            self._began = execution.job.running
            self._test_deadline = now + execution.limits.per_test_s
        return True

    def _hear(self, data: bytes) -> None:
        execution = self._execution
        self._told += data
        *lines, rest = self._told.split(b"\n")
        self._told = rest[:_MAX_CONTROL_BYTES]
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            if "pid" in message:
                execution.supervisor = int(message["pid"])
            elif "refused" in message:
                execution.refused = (str(message["refused"]), str(message["reason"]))
            elif "ready" in message:
                execution.is_ready, execution.unforkable = True, message["ready"]
            elif "done" in message:
                execution.fork_status = int(message["done"])
            elif "spoiled" in message:
                execution.spoiled = str(message["spoiled"])
            elif "greedy" in message:
                execution.greedy = int(message["greedy"])
            elif "exit" in message:
                execution.status = int(message["exit"])

    def _keep_output(self, data: bytes) -> None:
        execution = self._execution
        room = execution.limits.output_bytes_per_arm - len(execution.printed)
        if room > 0:
            execution.printed += data[:room]
            self._on_output(data[:room].decode(errors="replace").replace("\0", "\\x00"))
        execution.printed_bytes += len(data)

    async def _finish(self) -> None:
        """Have the supervisor end everything, and wait for that; then close what is open."""
        loop = asyncio.get_running_loop()
        # Once it has told the end, the supervisor itself has only to exit.
        silent = self._execution.status is None
        if self._control is not None and silent and "control" in self._open:
            with suppress(OSError, RuntimeError):
                self._control.write_eof()
            end = loop.time() + _GONE_S
            while "control" in self._open and loop.time() < end:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(end):
                        name, data = await self._queue.get()
                        if name == "control" and data is not None:
                            self._hear(data)
                        elif data is None:
                            self._open.discard(name)
            # Its socket is open, so the number is still its own.
            if "control" in self._open and self._execution.supervisor is not None:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(self._execution.supervisor, signal.SIGKILL)
        for feed in self._feeds:
            feed.close()
        if self._carrier is not None:
            self._carrier.close()
        if self._started is not None:
            await self._started.reap()
        await self._on_end(self)
