"""Connections of the pool, and those of them that are kept open for reads.

To take a connection out of the pool, to see that it lives, to make it ready and to give it back
cost more than a read of one statement. So connections for reads are not given back while nobody
else wants them: they stay in autocommit, where no read leaves anything behind.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from app.errors import FindingsError
from app.storage.prepared import driver_of


class Connections:
    """Hands out the connections of one engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        # A read of one statement needs no BEGIN and no ROLLBACK around it.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        pool = engine.pool
        assert isinstance(pool, QueuePool)
        self._pool = pool
        self._kept: list[AsyncConnection] = []
        self._waiting = 0
        self._closed = False

    @asynccontextmanager
    async def open(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """Take a connection out of the pool for the length of the block."""
        connection = await self._take_from_pool(engine)
        try:
            yield connection
        finally:
            await _finished(connection.close())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection in autocommit for the length of the block."""
        connection = await self._take_kept() or await self._take_from_pool(self._reading)
        try:
            yield connection
        except FindingsError:  # it found nothing, or nothing that is allowed: no harm done
            await self._keep(connection)
            raise
        except BaseException:  # a cancelled statement or a lost server: nobody knows its state
            await _finished(_discard(connection))
            raise
        await self._keep(connection)

    def state(self) -> dict[str, int]:
        """Return how many connections are in use and idle, and the most that there may be."""
        kept = len(self._kept)
        return {
            "in use": self._pool.checkedout() - kept,
            "idle": self._pool.checkedin() + kept,
            "most": self._pool.size(),
        }

    async def close(self) -> None:
        """Give back what was kept, and keep nothing from now on."""
        self._closed = True
        while self._kept:
            await self._kept.pop().close()

    async def _take_kept(self) -> AsyncConnection | None:
        while self._kept:
            connection = self._kept.pop()
            if _is_quiet(connection):
                return connection
            # Something came that nobody asked for: most likely the server's farewell.
            await _discard(connection)
        return None

    async def _take_from_pool(self, engine: AsyncEngine) -> AsyncConnection:
        if self._kept and self._pool.checkedin() == 0:
            await self._kept.pop(0).close()
        self._waiting += 1
        try:
            return await engine.connect()
        finally:
            self._waiting -= 1

    async def _keep(self, connection: AsyncConnection) -> None:
        if connection.in_transaction():  # of the library alone: the server knows of none
            await connection.rollback()
        if self._waiting or self._closed:
            await _finished(connection.close())
        else:
            self._kept.append(connection)


def _is_quiet(connection: AsyncConnection) -> bool:
    """Tell whether the server has said nothing since the last statement, at no round trip."""
    driver = driver_of(connection)
    if driver.closed:
        return False
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    return not poll.poll(0)


async def _discard(connection: AsyncConnection) -> None:
    """Close a connection for good, so that the pool opens another in its place."""
    await connection.invalidate()
    await connection.close()


async def _finished(work: Coroutine[Any, Any, None]) -> None:
    """Wait for `work`, which goes on also when this task is cancelled."""
    await asyncio.shield(asyncio.ensure_future(work))
