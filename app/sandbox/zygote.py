"""The fast sandbox: supervisors are forked from a process that has imported everything already.

What an arm may do and how it is read is as with a plain subprocess. When no zygote can be had -
another system, no torch, a module that insists on threads - plain subprocesses serve, and the
run's environment says so (``engine``).
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.domain.targets import Interpreter
from app.sandbox import subprocess_arm
from app.sandbox.engine import Engine
from app.sandbox.execution import ChildEnds, Started
from app.sandbox.interface import SandboxMode
from app.sandbox.learned import Learned, tops_of
from app.sandbox.memory import available_bytes
from app.sandbox.probe import ENTRY, command, draw_hash_seed, scrubbed_environment

log = logging.getLogger(__name__)

FORK_IS_SAFE = sys.platform == "linux"
_READY_S = 120.0
_FORK_S = 10.0
_MAX_SKIPPED = 20
_TRIED_AGAIN_AFTER_S = 60.0
_IDLE_S = 600.0
_WORTH_MODULES = 20
"""So many modules more are worth another zygote at once; fewer wait for the next one."""
_MOST_RENEWALS = 3
_ROOM_BYTES = 1 << 30
"""So much memory shall be left before another zygote starts."""


class ZygoteFailed(Exception):
    """The zygote cannot be had, or must not be used any more; the message says why."""


class Zygote:
    """One such process, from this side."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        channel: socket.socket,
        preloaded: frozenset[str] = frozenset(),
    ) -> None:
        """`preloaded` are the top-level modules that it imports ahead for what arms imported."""
        self.preloaded = preloaded
        self._process = process
        self._channel = channel
        self._rest = b""
        self._lock = asyncio.Lock()
        self.born = self.used = time.monotonic()
        self.forks = 0
        self.hash_seed = 0

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended, as far as is known."""
        return self._process.returncode is None

    @classmethod
    async def start(
        cls, interpreter: Interpreter | None = None, learned: Sequence[str] = ()
    ) -> Zygote:
        """Start one and wait until it is ready; raise `ZygoteFailed`.

        `learned` are modules that arms have imported: those that are installed are imported ahead.
        """
        interpreter = interpreter or Interpreter()
        skip: list[str] = []
        hash_seed = draw_hash_seed()
        while True:
            zygote = await cls._spawn(hash_seed, interpreter.python, tops_of(learned))
            zygote.hash_seed = hash_seed
            try:
                answer = await zygote._prepare(skip, interpreter.preload, learned)
            except BaseException:
                await zygote.close()
                raise
            if "ready" in answer:
                return zygote
            await zygote.close()
            culprit = answer.get("threads_by")
            if culprit is None or culprit in skip or len(skip) == _MAX_SKIPPED:
                raise ZygoteFailed(str(answer.get("error", f"importing {culprit} starts threads")))
            skip.append(culprit)

    async def fork(self, ends: ChildEnds) -> None:
        """Have it fork a supervisor; raise `ZygoteFailed` when it will not or cannot."""
        descriptors = [ends.control.fileno(), ends.report, ends.output]
        async with self._lock:
            try:
                socket.send_fds(self._channel, [b"F"], descriptors)
                async with asyncio.timeout(_FORK_S):
                    answer = await self._answer()
            except (OSError, ValueError, TimeoutError) as error:
                raise ZygoteFailed(f"it does not answer: {error}") from None
        if "forked" not in answer:
            raise ZygoteFailed(str(answer.get("unfit", answer)))
        self.forks += 1
        self.used = time.monotonic()

    async def close(self) -> None:
        """End it. Arms that it forked go on: they hang on their own sockets."""
        self._channel.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    @classmethod
    async def _spawn(cls, hash_seed: int, python: str, preloaded: frozenset[str]) -> Zygote:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = await asyncio.create_subprocess_exec(
                *command(str(ENTRY), "zygote_main", str(theirs.fileno()), python=python),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=scrubbed_environment(hash_seed),
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise ZygoteFailed(f"it could not be started: {error}") from None
        finally:
            theirs.close()
        return cls(process, ours, preloaded)

    async def _prepare(
        self, skip: list[str], preload: Sequence[str], learned: Sequence[str]
    ) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_READY_S):
                order = {"skip": skip, "preload": list(preload), "learned": list(learned)}
                line = json.dumps(order).encode() + b"\n"
                await loop.sock_sendall(self._channel, line)
                return await self._answer()
        except (OSError, ValueError, TimeoutError) as error:
            raise ZygoteFailed(f"it did not become ready: {error}") from None

    async def _answer(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        while b"\n" not in self._rest:
            part = await loop.sock_recv(self._channel, 1 << 16)
            if not part:
                raise ConnectionError("it has ended")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


class ForkServer:
    """A zygote and its successors: each is replaced on any doubt, and when it has done its time."""

    def __init__(
        self,
        interpreter: Interpreter | None = None,
        learned: Learned | None = None,
        *,
        max_age_s: float,
        max_forks: int,
        idle_s: float | None = None,
    ) -> None:
        """With `idle_s`, one that nobody has used for so long is ended until it is needed again."""
        self._interpreter = interpreter or Interpreter()
        self._learned = learned or Learned()
        self._renewals = 0
        self._zygote: Zygote | None = None
        self._max_age_s = max_age_s
        self._max_forks = max_forks
        self._idle_s = idle_s
        self._lock = asyncio.Lock()
        self._gone: set[asyncio.Task[None]] = set()
        self._successor: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False
        self._next_try: float | None = None
        self.starts = 0
        """How often a zygote was started."""
        self.unavailable: str | None = None
        """Why there is none; None while there is, or might be."""

    async def fork(self, ends: ChildEnds, modules: frozenset[str] = frozenset()) -> int:
        """Have a supervisor forked for an arm that holds `modules`; return the hash seed in it.

        Raises:
            ZygoteFailed: there is none to fork from.
        """
        if self._next_try is not None and time.monotonic() >= self._next_try:
            self.unavailable = self._next_try = None
        for _ in range(2):
            try:
                zygote = await self._ready_for(modules)
            except ZygoteFailed:
                if self._next_try is None:
                    # The reason may be gone by then.
                    self._next_try = time.monotonic() + _TRIED_AGAIN_AFTER_S
                raise
            try:
                await zygote.fork(ends)
            except ZygoteFailed as failure:
                log.info("the zygote is replaced: %s", failure)
                await self._let_go_of(zygote)
                continue
            return zygote.hash_seed
        raise ZygoteFailed("two of them would not fork")

    def renew(self) -> None:
        """Have a successor that imports ahead what was learned since; the present one goes on."""
        zygote = self._zygote
        if zygote is None or not zygote.alive or self._successor is not None or self._closed:
            return
        if self._renewals < _MOST_RENEWALS:
            self._renewals += 1
            self._successor = asyncio.create_task(self._succeed(zygote), name="zygote")

    async def ready(self) -> Zygote:
        """Return a zygote to fork from; wait for one only when there is none.

        One that has done its time goes on until its successor is ready. Raises `ZygoteFailed`.
        """
        async with self._lock:
            zygote = self._zygote
            if zygote is not None and zygote.alive:
                if self._successor is None and self._has_done_its_time(zygote):
                    self._successor = asyncio.create_task(self._succeed(zygote), name="zygote")
                return zygote
            if self.unavailable is not None or self._closed:
                raise ZygoteFailed(self.unavailable or "the sandbox is closed")
            self._let_go()
            try:
                self._zygote = await self._fresh()
            except ZygoteFailed as failure:
                self.unavailable = str(failure)
                log.warning("no zygote, so every arm starts a Python of its own: %s", failure)
                raise
            self._watch_idleness()
            return self._zygote

    @property
    def used(self) -> float | None:
        """When it was used last, on the clock that only goes forward; None while there is none."""
        return None if self._zygote is None else self._zygote.used

    async def rest(self) -> None:
        """End the zygote until one is needed again; arms that it forked go on."""
        async with self._lock:
            self._let_go()

    async def close(self) -> None:
        """End it."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        if self._successor is not None:
            self._successor.cancel()
            await asyncio.gather(self._successor, return_exceptions=True)
        async with self._lock:
            self._let_go()
        while self._gone:
            await asyncio.gather(*self._gone)

    def _watch_idleness(self) -> None:
        """End the zygote once it has been idle for long enough; look again until then."""
        zygote = self._zygote
        if self._idle_s is None or zygote is None or self._closed:
            return
        left = zygote.used + self._idle_s - time.monotonic()
        if left > 0:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(left, self._watch_idleness)
        else:
            self._let_go()

    async def _ready_for(self, modules: frozenset[str]) -> Zygote:
        """Return a zygote that has imported nothing of the names that an arm holds itself."""
        zygote = await self.ready()
        while not modules.isdisjoint(zygote.preloaded):
            self._learned.bar(modules)
            await self._let_go_of(zygote)
            zygote = await self.ready()
        return zygote

    async def _let_go_of(self, zygote: Zygote) -> None:
        async with self._lock:
            if self._zygote is zygote:
                self._let_go()

    async def _fresh(self) -> Zygote:
        if not FORK_IS_SAFE:
            raise ZygoteFailed(f"forking torch is not safe on {sys.platform}")
        zygote = await Zygote.start(self._interpreter, tuple(self._learned.names))
        self.starts += 1
        return zygote

    async def _succeed(self, old: Zygote) -> None:
        """Start a zygote in place of `old`, which serves meanwhile."""
        try:
            fresh = await self._fresh()
        except ZygoteFailed as failure:
            log.warning("the zygote has no successor yet: %s", failure)
            old.born, old.forks = time.monotonic(), 0  # another term
        else:
            try:
                async with self._lock:
                    # Else it was replaced meanwhile, for a reason that could not wait.
                    if self._zygote is old:
                        self._let_go()
                        self._zygote = fresh
            finally:
                if self._zygote is not fresh:
                    await fresh.close()
        finally:
            self._successor = None

    def _has_done_its_time(self, zygote: Zygote) -> bool:
        age = time.monotonic() - zygote.born
        return age >= self._max_age_s or zygote.forks >= self._max_forks

    def _let_go(self) -> None:
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            task = asyncio.create_task(zygote.close())
            self._gone.add(task)
            task.add_done_callback(self._gone.discard)


class ZygoteSandbox(Engine):
    """Forks a supervisor per arm from a zygote of the arm's interpreter.

    For each interpreter there are two, with different hash seeds, started when first needed: the
    second when a proof wants to be collected anew. Those of other interpreters than the service's
    own, and all second ones, end when they have been idle for ten minutes; when memory runs
    short, the one that was used longest ago ends at once.
    """

    def __init__(
        self,
        scratch_dir: Path,
        mode: SandboxMode = SandboxMode.STRICT,
        *,
        hidden: Callable[[], Iterable[Path]] = tuple,
        threads: int = 1,
        max_age_s: float = 6 * 3600.0,
        max_forks: int = 10_000,
    ) -> None:
        """Start nothing before the first arm.

        `scratch_dir` is used where an arm cannot have a tmpfs of its own. `hidden` tells folders
        that no test may see (the data directory), should they lie inside the interpreter's tree.
        """
        super().__init__(scratch_dir, mode, hidden=hidden, threads=threads)
        self._max_age_s = max_age_s
        self._max_forks = max_forks
        self._servers: dict[tuple[Interpreter, bool], ForkServer] = {}
        self._learned: defaultdict[Interpreter, Learned] = defaultdict(Learned)
        self._first = self._server(Interpreter(), other_seeds=False)

    @property
    def starts(self) -> int:
        """How often a zygote was started."""
        return sum(server.starts for server in self._servers.values())

    @property
    def unavailable(self) -> str | None:
        """Why plain subprocesses serve instead; None while a zygote does."""
        return self._first.unavailable

    async def warm(
        self, interpreter: Interpreter | None = None, *, other_seeds: bool = False
    ) -> None:
        """Have a zygote ready, so that the first arm need not wait for it. Never raises."""
        with suppress(ZygoteFailed):
            await self._server(interpreter or Interpreter(), other_seeds=other_seeds).ready()

    async def close(self) -> None:
        """Stop everything that is still running, the zygotes included."""
        await super().close()
        for server in tuple(self._servers.values()):
            await server.close()

    async def _start(
        self,
        ends: ChildEnds,
        interpreter: Interpreter,
        modules: frozenset[str],
        *,
        other_seeds: bool,
    ) -> Started:
        server = self._server(interpreter, other_seeds=other_seeds)
        if server.used is None:
            await self._make_room(server)
        try:
            return Started("zygote", await server.fork(ends, modules), _nothing)
        except ZygoteFailed:
            return await subprocess_arm.start(ends, interpreter)

    def _learn(self, interpreter: Interpreter, installed: Sequence[str]) -> None:
        if self._learned[interpreter].add(installed) >= _WORTH_MODULES:
            for (of, _), server in self._servers.items():
                if of == interpreter:
                    server.renew()

    def _server(self, interpreter: Interpreter, *, other_seeds: bool) -> ForkServer:
        key = (interpreter, other_seeds)
        if key not in self._servers:
            stays = not other_seeds and interpreter == Interpreter()
            self._servers[key] = ForkServer(
                interpreter,
                self._learned[interpreter],
                max_age_s=self._max_age_s,
                max_forks=self._max_forks,
                idle_s=None if stays else _IDLE_S,
            )
        return self._servers[key]

    async def _make_room(self, wanted: ForkServer) -> None:
        """End the zygote that was used longest ago, where memory is short for another."""
        if available_bytes() >= _ROOM_BYTES:
            return
        used = {s.used: s for s in self._servers.values() if s is not wanted and s.used is not None}
        if used:
            await used[min(used)].rest()


async def _nothing() -> None:
    """The zygote's supervisors are reaped by the kernel."""
