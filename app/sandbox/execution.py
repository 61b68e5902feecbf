"""The service's side of one arm: start a keeper, read, keep deadlines, and stop all of it.

Runs in the event loop and never blocks it. The guest's clock and claims play no part: a deadline
counts from when this side saw a test begin, and how the guest ended is what the keeper says.
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
from typing import IO, Any, Literal

from app.domain.runs import TestResult
from app.sandbox.interface import Limits
from app.sandbox.order import Order
from app.sandbox.report_text import clip_bytes
from app.sandbox.reports import ReportReader, Tampered

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
    reader: ReportReader
    ending: Ending = Ending.EXITED
    detail: str = ""
    late: Literal["arm", "test"] = "arm"
    """Whose deadline was met, when one was."""
    status: int | None = None
    """Exit status of the guest by the keeper's word; None when the keeper fell silent."""
    keeper: int | None = None
    refused: tuple[str, str] | None = None
    greedy: int | None = None
    """How much memory was allowed, when the guest's processes together held more."""
    printed: bytearray = field(default_factory=bytearray)
    printed_bytes: int = 0
    engine: str = "none"
    """What started the keeper."""

    @property
    def output(self) -> str:
        """What was printed outside any test."""
        text = self.printed.decode(errors="replace").replace("\0", "\\x00")
        missing = self.printed_bytes - len(self.printed)
        text = clip_bytes(text, self.limits.output_bytes_per_arm)
        return f"{text}\n[… {missing} bytes cut …]" if missing > 0 else text


@dataclass(frozen=True)
class ChildEnds:
    """The keeper's ends of the three channels; closed here once it has them."""

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
    """A keeper is running."""

    engine: str
    """What started it."""
    reap: Callable[[], Awaitable[None]]
    """Waits until its process is gone and clears it away."""


Start = Callable[[ChildEnds], Awaitable[Started]]
"""Starts a keeper with its ends; raises `StartFailed`."""
OnResult = Callable[[TestResult], None]
OnOutput = Callable[[str], None]


class StartFailed(Exception):
    """No keeper could be started."""


class Conductor:
    """Runs one order through a keeper."""

    def __init__(
        self, execution: Execution, start: Start, on_result: OnResult, on_output: OnOutput
    ) -> None:
        self._execution = execution
        self._start = start
        self._on_result = on_result
        self._on_output = on_output
        self._queue: asyncio.Queue[tuple[str, bytes | None]] = asyncio.Queue()
        self._control: asyncio.WriteTransport | None = None
        self._transports: list[asyncio.BaseTransport] = []
        self._started: Started | None = None
        self._open: set[str] = set()
        self._told = bytearray()
        self._began: str | None = None
        self._test_deadline = 0.0

    async def conduct(self) -> None:
        """Run until the guest and all its kin are gone; cancelling ends them too."""
        task = asyncio.current_task()
        try:
            await self._begin()
            await self._follow()
        except StartFailed as failure:
            self._execution.ending, self._execution.detail = Ending.NOT_STARTED, str(failure)
        finally:
            cleaning = asyncio.ensure_future(self._finish())
            while not cleaning.done():
                try:
                    await asyncio.shield(cleaning)
                except asyncio.CancelledError:
                    if task is None or cleaning.cancelled():
                        raise
            await cleaning

    def stop(self) -> None:
        """End it from outside."""
        self._queue.put_nowait(("stop", None))

    async def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        report, report_end = os.pipe()
        output, output_end = os.pipe()
        ends = ChildEnds(theirs, report_end, output_end)
        pipes = [os.fdopen(descriptor, "rb", buffering=0) for descriptor in (report, output)]
        unowned: list[IO[bytes] | socket.socket] = [*pipes, ours]
        try:
            for name, pipe in zip(("report", "output"), pipes, strict=True):
                reading, _ = await loop.connect_read_pipe(self._feed(name), pipe)
                unowned.remove(pipe)
                self._add(name, reading)
            control, _ = await loop.create_unix_connection(self._feed("control"), sock=ours)
            unowned.remove(ours)
            self._add("control", control)
            self._control = control
            self._started = await self._start(ends)
            self._execution.engine = self._started.engine
        finally:
            ends.close()
            for end in unowned:
                end.close()
        control.write(self._execution.order.to_line())

    def _feed(self, name: str) -> Callable[[], _Feed]:
        return lambda: _Feed(name, self._queue)

    def _add(self, name: str, transport: asyncio.BaseTransport) -> None:
        self._transports.append(transport)
        self._open.add(name)

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        arm_deadline = loop.time() + self._execution.limits.per_arm_s
        while not self._heard_all():
            deadline = arm_deadline
            if self._execution.reader.running is not None:
                deadline = min(deadline, self._test_deadline)
            ended = self._execution.status is not None or "control" not in self._open
            if ended:
                # Nothing that could write is left, but the last bytes may be on their way.
                deadline = loop.time() + _DRAIN_S
            try:
                async with asyncio.timeout_at(deadline):
                    name, data = await self._queue.get()
            except TimeoutError:
                if not ended:
                    self._execution.ending = Ending.TIMED_OUT
                    self._execution.late = "arm" if deadline == arm_deadline else "test"
                return
            if not self._handle(name, data, loop.time()):
                return

    def _heard_all(self) -> bool:
        """Whether the keeper has told the end and nothing is left to read."""
        if self._execution.status is None and "control" in self._open:
            return False
        return not self._open & {"report", "output"}

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
            return self._read(data, now)
        return True

    def _read(self, data: bytes, now: float) -> bool:
        execution = self._execution
        try:
            for result in execution.reader.feed(data):
                self._on_result(result)
        except Tampered as reason:
            execution.ending, execution.detail = Ending.TAMPERED, str(reason)
            return False
        if execution.reader.running != self._began:
            self._began = execution.reader.running
            self._test_deadline = now + execution.limits.per_test_s
        return True

    def _hear(self, data: bytes) -> None:
        self._told += data
        *lines, rest = self._told.split(b"\n")
        self._told = rest[:_MAX_CONTROL_BYTES]
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            if "pid" in message:
                self._execution.keeper = int(message["pid"])
            elif "refused" in message:
                self._execution.refused = (str(message["refused"]), str(message["reason"]))
            elif "greedy" in message:
                self._execution.greedy = int(message["greedy"])
            elif "exit" in message:
                self._execution.status = int(message["exit"])

    def _keep_output(self, data: bytes) -> None:
        execution = self._execution
        room = execution.limits.output_bytes_per_arm - len(execution.printed)
        if room > 0:
            execution.printed += data[:room]
            self._on_output(data[:room].decode(errors="replace").replace("\0", "\\x00"))
        execution.printed_bytes += len(data)

    async def _finish(self) -> None:
        """Have the keeper end everything, and wait for that; then close what is open."""
        loop = asyncio.get_running_loop()
        # Once it has told the end, the keeper itself has only to exit.
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
            if "control" in self._open and self._execution.keeper is not None:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(self._execution.keeper, signal.SIGKILL)
        for transport in self._transports:
            transport.close()
        if self._started is not None:
            await self._started.reap()


class _Feed(asyncio.Protocol):
    """Puts what arrives into a queue, and None at the end."""

    def __init__(self, name: str, queue: asyncio.Queue[tuple[str, bytes | None]]) -> None:
        self._name = name
        self._queue = queue

    def data_received(self, data: bytes) -> None:
        self._queue.put_nowait((self._name, data))

    def eof_received(self) -> None:
        self._queue.put_nowait((self._name, None))

    def connection_lost(self, _error: Exception | None) -> None:
        self._queue.put_nowait((self._name, None))
