"""What the applications of one test process share, because it takes longer to make than to use.

Fork servers take seconds to start, connections learn each statement anew, and which layers of
isolation work is tried by starting processes. None of them keeps anything of an application that
ends. All else each application has for itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings
from app.database import make_engine
from app.domain.strength import StrengthGate
from app.domain.targets import Interpreter
from app.factory import Factory
from app.sandbox.engine import Engine
from app.sandbox.interface import LayerStatus, Sandbox, SandboxMode
from app.sandbox.probe import probe
from app.sandbox.zygote import ForkServer, ZygoteSandbox
from app.storage.unit import UnitOfWork
from tests.support.databases import LASTING

Connected = tuple[AsyncEngine, UnitOfWork]


class Shared:
    """What is shared on one event loop."""

    def __init__(self) -> None:
        self._fork_servers = _fork_server(), _fork_server()
        self._connected: dict[tuple[str, int, StrengthGate], Connected] = {}

    def factory(
        self, settings: Settings, database_url: str, *, connections: bool = True
    ) -> Factory:
        """Make the factory of one application; without `connections` it has those for itself.

        So it has with targets of its own, which decide where tickets are placed.
        """
        if not connections or settings.targets is not None:
            return _Factory(settings, database_url, self._fork_servers, None)
        key = database_url, settings.database_pool, settings.strength_gate
        if key not in self._connected:
            engine = make_engine(
                database_url, name=LASTING, pool_size=settings.database_pool, beside=3
            )
            self._connected[key] = engine, UnitOfWork(engine, strength_gate=key[2])
        return _Factory(settings, database_url, self._fork_servers, self._connected[key])

    async def close(self) -> None:
        """End all of it."""
        for server in self._fork_servers:
            await server.close()
        for engine, unit in self._connected.values():
            await unit.close()
            await engine.dispose()


class _Factory(Factory):
    """A factory that leaves open what it shares with others."""

    def __init__(
        self,
        settings: Settings,
        database_url: str,
        fork_servers: tuple[ForkServer, ForkServer],
        connected: Connected | None,
    ) -> None:
        super().__init__(settings, database_url)
        self._fork_servers = fork_servers
        self._own = self.engine, self.unit
        self.engine, self.unit = connected or self._own
        self.unit.book = self.book

    @property
    def sandbox(self) -> Sandbox:
        """What runs tests here."""
        if self._sandbox is None:
            scratch = self.work_dir / "scratch"
            scratch.mkdir(mode=0o711)
            mode = self.settings.sandbox or SandboxMode.RELAXED
            self._sandbox = _Sandbox(self._fork_servers, scratch, mode, self._hidden)
        return self._sandbox

    async def close(self) -> None:
        """Stop and free what is this one's own."""
        self.engine, self.unit = self._own
        await super().close()


class _Sandbox(ZygoteSandbox):
    """A sandbox whose fork servers go on after it."""

    def __init__(
        self,
        fork_servers: tuple[ForkServer, ForkServer],
        scratch: Path,
        mode: SandboxMode,
        hidden: Callable[[], Iterable[Path]],
    ) -> None:
        super().__init__(scratch, mode, hidden=hidden)
        self._first, second = fork_servers
        self._servers = {(Interpreter(), False): self._first, (Interpreter(), True): second}
        self._shared = fork_servers
        self._earlier = super().starts
        self._layers = _layers_here()

    @property
    def starts(self) -> int:
        """How often a fork server was started for this one."""
        return super().starts - self._earlier

    async def close(self) -> None:
        """Stop what is still running here."""
        await Engine.close(self)
        for server in self._servers.values():
            if server not in self._shared:
                await server.close()


def _fork_server() -> ForkServer:
    return ForkServer(max_age_s=6 * 3600.0, max_forks=10_000)


@functools.cache
def _layers_here() -> tuple[LayerStatus, ...]:
    return tuple(probe(uid=Engine._free_uid()))
