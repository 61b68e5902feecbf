"""What every sandbox shares: orders, events, deadlines and reports; only the start differs."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.domain.runs import TestResult
from app.sandbox import conclusion
from app.sandbox.arms import Manifest, read_manifest, remove_tree
from app.sandbox.execution import ChildEnds, Conductor, Execution, Started
from app.sandbox.interface import (
    ArmEvent,
    ArmReport,
    ArmRequest,
    ArmStatus,
    Collection,
    EventSink,
    LayerStatus,
    Limits,
    PreparedArm,
    SandboxMode,
)
from app.sandbox.isolation.identity import closed_ancestor
from app.sandbox.order import Bounds, Order
from app.sandbox.probe import probe
from app.sandbox.reports import ReportReader

log = logging.getLogger(__name__)

# Below 65536, which is all that a container may have; no distribution hands these out by name.
_UIDS = range(61184, 65520)
_uids = itertools.cycle(_UIDS[secrets.randbelow(len(_UIDS)) :] or _UIDS)


class Engine(ABC):
    """A `Sandbox` but for how a keeper is started."""

    def __init__(
        self,
        scratch_dir: Path,
        mode: SandboxMode = SandboxMode.STRICT,
        *,
        hidden: Iterable[Path] = (),
        threads: int = 1,
    ) -> None:
        """`hidden` are folders no test may see, should they lie inside the interpreter's tree."""
        self._scratch_dir = scratch_dir
        self._mode = mode
        self._hidden = tuple(str(path.resolve()) for path in hidden)
        self._threads = threads
        self._layers: tuple[LayerStatus, ...] | None = None
        self._running: set[Conductor] = set()
        self._idle = asyncio.Event()
        self._closed = False
        self.starts = 0
        """How often the process was started that arms are forked from."""

    async def warm(self) -> None:
        """Get ready, so that the first arm need not wait; never raises."""
        await asyncio.to_thread(self.layers)

    async def run(self, request: ArmRequest, on_event: EventSink | None = None) -> ArmReport:
        """Run the tests of `request`; never raises for what the tested code does."""
        relay = _Relay(on_event)
        try:
            execution = await self._execute(
                request.arm, request.node_ids, request.limits, request.repeat, relay=relay
            )
            await relay.close()
        finally:
            relay.drop()
        if isinstance(execution, ArmReport):
            return execution
        return conclusion.conclude(execution)

    async def collect(self, arm: PreparedArm) -> Collection:
        """Collect the suite of `arm` without running it."""
        execution = await self._execute(arm, (), Limits(), 1, collect_only=True)
        if isinstance(execution, ArmReport):
            return Collection(tests=(), errors=(execution.reason or execution.status,))
        return conclusion.collection(execution)

    def layers(self) -> Sequence[LayerStatus]:
        """Tell which isolation layers work here. Blocks while they are tried, the first time."""
        if self._layers is None:
            self._layers = tuple(probe(self._hidden, self._free_uid()))
        return self._layers

    async def close(self) -> None:
        """Stop everything that is still running."""
        self._closed = True
        for conductor in tuple(self._running):
            conductor.stop()
        while self._running:
            self._idle.clear()
            await self._idle.wait()

    @abstractmethod
    async def _start(self, ends: ChildEnds) -> Started:
        """Start a keeper; see ``execution.Start``."""

    async def _execute(
        self,
        arm: PreparedArm,
        node_ids: Sequence[str],
        limits: Limits,
        repeat: int,
        *,
        collect_only: bool = False,
        relay: _Relay | None = None,
    ) -> Execution | ArmReport:
        statuses: Sequence[LayerStatus] | None = self._layers
        if statuses is None:
            statuses = await asyncio.to_thread(self.layers)
        refusal = self._refusal(statuses)
        if refusal is not None:
            return ArmReport(ArmStatus.REFUSED, (), refusal)
        try:
            manifest = read_manifest(arm.root)
        except (OSError, ValueError, KeyError) as error:
            return ArmReport(ArmStatus.REFUSED, (), f"{arm.root} is not a prepared arm: {error}")
        os.makedirs(self._scratch_dir, mode=0o755, exist_ok=True)
        order = self._order(arm, manifest, node_ids, limits, statuses, collect_only)
        reader = ReportReader(order, limits, repeat)
        execution = Execution(order, limits, reader)
        relay = relay or _Relay(None)
        conductor = Conductor(execution, self._start, relay.result, relay.output)
        self._prepare_scratch(order)
        self._running.add(conductor)
        try:
            await conductor.conduct()
        finally:
            self._running.discard(conductor)
            self._idle.set()
            await self._remove_scratch(order)
        return execution

    def _refusal(self, statuses: Sequence[LayerStatus]) -> str | None:
        if self._closed:
            return "the sandbox is closed"
        missing = [status for status in statuses if not status.works]
        if self._mode is SandboxMode.STRICT and missing:
            told = "; ".join(f"{status.name} ({status.detail})" for status in missing)
            return f"strict isolation is not possible here: {told}"
        return None

    def _order(
        self,
        arm: PreparedArm,
        manifest: Manifest,
        node_ids: Sequence[str],
        limits: Limits,
        statuses: Sequence[LayerStatus],
        collect_only: bool,
    ) -> Order:
        layers = tuple(self._layers_for(arm, statuses))
        return Order(
            root=str(arm.root.resolve()),
            package=manifest.package,
            suite=manifest.suite,
            node_ids=tuple(node_ids),
            collect_only=collect_only,
            token=secrets.token_hex(16),
            canary=secrets.token_hex(16),
            scratch=str(self._scratch_dir.resolve() / f"arm-{uuid4().hex}"),
            layers=layers,
            hidden=self._hidden,
            uid=self._free_uid() if "identity" in layers else None,
            bounds=bounds_of(limits),
            threads=self._threads,
        )

    def _layers_for(self, arm: PreparedArm, statuses: Sequence[LayerStatus]) -> Iterable[str]:
        """What works here, without the change of user where it could not reach the arm.

        With a file system of its own the guest sees the arm wherever it lies; without, an arm in a
        closed folder would be of no use to another user.
        """
        working = [status.name for status in statuses if status.works]
        if "mounts" not in working and self._free_uid() is not None:
            places = (arm.root, self._scratch_dir)
            if any(closed_ancestor(path) for path in places if path.exists()):
                return [name for name in working if name != "identity"]
        return working

    @staticmethod
    def _free_uid() -> int | None:
        return next(_uids) if hasattr(os, "geteuid") and os.geteuid() == 0 else None

    def _prepare_scratch(self, order: Order) -> None:
        """A folder on disk serves only where the guest cannot have a tmpfs of its own."""
        if "mounts" in order.layers:
            return
        os.mkdir(order.scratch, 0o700)
        if order.uid is not None and "identity" in order.layers:
            os.chown(order.scratch, order.uid, order.uid)

    async def _remove_scratch(self, order: Order) -> None:
        if "mounts" not in order.layers:
            await asyncio.to_thread(remove_tree, Path(order.scratch))


def bounds_of(limits: Limits) -> Bounds:
    """The limits as the guest needs them."""
    known = asdict(limits)
    known.pop("per_test_s")
    return Bounds(**known, scratch_bytes=4 * limits.file_bytes)


class _Relay:
    """Hands events to a sink one after the other, without holding up the reading."""

    def __init__(self, sink: EventSink | None) -> None:
        self._sink = sink
        self._queue: asyncio.Queue[ArmEvent | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._pump(sink)) if sink is not None else None

    def result(self, result: TestResult) -> None:
        """A test has ended."""
        if result.stdout:
            self._put("log", {"node_id": result.node_id, "text": result.stdout})
        self._put("test", {**asdict(result), "outcome": result.outcome.value})

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
