"""What every sandbox shares: orders, events, deadlines and reports; only the start differs."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

from app.domain.targets import Interpreter
from app.sandbox.arms import Manifest, read_manifest, remove_tree
from app.sandbox.collected import CollectionReader
from app.sandbox.execution import ChildEnds, Conductor, Execution, Started
from app.sandbox.interface import (
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
from app.sandbox.order import Bounds, Order, names_of
from app.sandbox.parking import Key, Parking
from app.sandbox.probe import probe
from app.sandbox.session import CollectedSession, NoSession, Opened

_MOST_APART = 20
"""So many files are collected once more by themselves."""

# Below 65536, which is all that a container may have; no distribution hands these out by name.
_UIDS = range(61184, 65520)
_uids = itertools.cycle(_UIDS[secrets.randbelow(len(_UIDS)) :] or _UIDS)


class Engine(ABC):
    """A `Sandbox` but for how a supervisor is started."""

    def __init__(
        self,
        scratch_dir: Path,
        mode: SandboxMode = SandboxMode.STRICT,
        *,
        hidden: Callable[[], Iterable[Path]] = tuple,
        threads: int = 1,
    ) -> None:
        """`hidden` tells folders that no test may see, should they lie inside what is shown."""
        self._scratch_dir = scratch_dir
        self._mode = mode
        self._hidden = hidden
        self._threads = threads
        self._layers: tuple[LayerStatus, ...] | None = None
        self._running: set[Conductor] = set()
        self._idle = asyncio.Event()
        self._parking = Parking()
        self._keys: dict[CollectedSession, Key | None] = {}
        """Sessions in use, with what they may be parked under."""
        self._closed = False

    @property
    def starts(self) -> int:
        """How often the process was started that arms are forked from."""
        return 0

    async def warm(
        self, interpreter: Interpreter | None = None, *, other_seeds: bool = False
    ) -> None:
        """Get ready, so that the first arm need not wait; never raises."""
        await asyncio.to_thread(self.layers)

    async def open(
        self,
        arm: PreparedArm,
        node_ids: Sequence[str],
        limits: Limits,
        *,
        other_seeds: bool = False,
    ) -> CollectedSession | NoSession:
        """Have an arm collected, or take one up that was parked; see ``interface.Sandbox``."""
        key = (arm.root, arm.interpreter, tuple(node_ids), limits)
        if not other_seeds:
            parked = await self._parking.take(key)
            if parked is not None:
                self._keys[parked] = key
                return parked
        opened = await self._collect(arm, node_ids, limits, other_seeds=other_seeds)
        if isinstance(opened, ArmReport):
            return NoSession(opened)
        session = CollectedSession(
            opened,
            reopen=lambda: self._collect(arm, node_ids, limits, other_seeds=other_seeds),
            leave=self._leave,
        )
        self._keys[session] = None if other_seeds else key
        return session

    async def run(self, request: ArmRequest, on_event: EventSink | None = None) -> ArmReport:
        """Run all tests of `request` in one process, or each in its own."""
        session = await self.open(request.arm, request.node_ids, request.limits)
        try:
            wanted = [test.node_id for test in session.tests.tests]
            ids = _in_order(wanted, request.node_ids)
            seed = secrets.randbits(32)
            return await session.run(
                ids, seed=seed, repeat=request.repeat, mode=request.mode, on_event=on_event
            )
        finally:
            await session.close()

    async def collect(self, arm: PreparedArm, files: Sequence[str] = ()) -> Collection:
        """Collect the suite of `arm`, or some of its files, without running it.

        A file that cannot stand beside another, for its name or for what it imports, is collected
        once more by itself.
        """
        whole = await self._collect_only(arm, files)
        apart = [path for path in whole.broken if path and path.endswith(".py")]
        if len(whole.files | whole.broken) < 2:
            return whole.tests
        found = whole.tests
        for path in apart[:_MOST_APART]:
            alone = await self._collect_only(arm, (path,))
            if not alone.broken:
                errors = tuple(e for e in found.errors if not e.startswith(f"{path}: "))
                found = replace(
                    found,
                    tests=(*found.tests, *alone.tests.tests),
                    errors=errors,
                    warnings=(*found.warnings, *alone.tests.warnings),
                )
        return found

    async def _collect_only(self, arm: PreparedArm, node_ids: Sequence[str]) -> _Collected:
        session = await self.open(arm, node_ids, Limits())
        try:
            return _Collected(session.tests, session.broken)
        finally:
            await session.close()

    def layers(self) -> Sequence[LayerStatus]:
        """Tell which isolation layers work here. Blocks while they are tried, the first time."""
        if self._layers is None:
            self._layers = tuple(probe(self._hidden_now(), self._free_uid()))
        return self._layers

    async def close(self) -> None:
        """Stop everything that is still running."""
        self._closed = True
        await self._parking.close()
        for conductor in tuple(self._running):
            conductor.stop()
        while self._running:
            self._idle.clear()
            await self._idle.wait()

    @abstractmethod
    async def _start(
        self,
        ends: ChildEnds,
        interpreter: Interpreter,
        modules: frozenset[str],
        *,
        other_seeds: bool,
    ) -> Started:
        """Start a supervisor for an arm that holds these modules; see ``execution.Start``."""

    def _learn(  # noqa: B027  # of use to a fork server only
        self, interpreter: Interpreter, installed: Sequence[str]
    ) -> None:
        """Take note of what a suite imports of installed distributions."""

    async def _leave(self, session: CollectedSession, park: bool) -> None:
        key = self._keys.pop(session, None)
        if park and key is not None and not self._closed and session.is_sound():
            await self._parking.put(key, session)
        else:
            await session.end()

    async def _collect(
        self, arm: PreparedArm, node_ids: Sequence[str], limits: Limits, *, other_seeds: bool
    ) -> Opened | ArmReport:
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
        order = self._order(arm, manifest, node_ids, limits, statuses)
        execution = Execution(order, limits, CollectionReader(order))
        conductor = Conductor(
            execution,
            start=functools.partial(
                self._start,
                interpreter=arm.interpreter,
                modules=frozenset(manifest.modules),
                other_seeds=other_seeds,
            ),
            on_end=functools.partial(self._ended, order),
        )
        self._prepare_scratch(order)
        self._running.add(conductor)
        await conductor.collect()
        if arm.is_own:
            self._learn(arm.interpreter, execution.collected.installed)
        return conductor, execution

    async def _ended(self, order: Order, conductor: Conductor) -> None:
        """Clear up behind a conductor that is over."""
        self._running.discard(conductor)
        self._idle.set()
        await self._remove_scratch(order)

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
    ) -> Order:
        layers = tuple(self._layers_for(arm, statuses))
        return Order(
            root=str(arm.root.resolve()),
            packages=manifest.packages,
            suites=manifest.suites,
            import_root=manifest.import_root,
            modules=dict(manifest.modules),
            settings=manifest.settings,
            options=manifest.options,
            plugins=manifest.plugins,
            env=dict(manifest.env),
            node_ids=tuple(node_ids),
            token=secrets.token_hex(16),
            canary=secrets.token_hex(16),
            scratch=str(self._scratch_dir.resolve() / f"arm-{uuid4().hex}"),
            layers=layers,
            hidden=self._hidden_now(),
            uid=self._free_uid() if "identity" in layers else None,
            bounds=bounds_of(limits),
            seed=secrets.randbits(32),
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

    def _hidden_now(self) -> tuple[str, ...]:
        return tuple(str(path.resolve()) for path in self._hidden())

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


@dataclass(frozen=True)
class _Collected:
    """A collection with the files that are missing in it."""

    tests: Collection
    broken: frozenset[str]

    @property
    def files(self) -> frozenset[str]:
        """Files of which tests were collected."""
        return frozenset(test.path for test in self.tests.tests)


def _in_order(collected: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The collected tests where `wanted` names them, and what it names that was not collected."""
    if not wanted:
        return list(collected)
    within: dict[str, dict[str, None]] = {}
    for node_id in collected:
        for name in names_of(node_id):
            within.setdefault(name, {})[node_id] = None
    found: dict[str, None] = {}
    for name in wanted:
        found.update(within.get(name) or {name: None})
    return list(found)
