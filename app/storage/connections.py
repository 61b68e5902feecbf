"""Connections of the pool, most of which are kept between one piece of work and the next.

To take a connection out of the pool, to see that it lives, to make it ready and to give it back
cost more than a read of one statement. So connections are not given back while nobody wants one
with another isolation: they stay in autocommit, where a read leaves nothing behind, and where a
transaction begins and ends by its own words.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from app.errors import FindingsError
from app.storage.prepared import driver_of


class Connections:
    """Hands out the connections of one engine, to at most as many as its pool has."""

    def __init__(self, engine: AsyncEngine) -> None:
        # A read of one statement needs no BEGIN and no ROLLBACK around it.
        self._plain = engine.execution_options(isolation_level="AUTOCOMMIT")
        pool = engine.pool
        assert isinstance(pool, QueuePool)
        self._pool = pool
        event.listen(pool, "checkout", _require_quiet)
        self._kept: list[AsyncConnection] = []
        # Who waits does so here and not in the pool: there nobody could be handed what is kept.
        self._turns = asyncio.Semaphore(pool.size())
        self._closed = False

    def lease(self) -> Lease:
        """Give a connection in autocommit for the length of an ``async with`` block."""
        return Lease(self)

    @asynccontextmanager
    async def transaction(self, *, commit: bool = True) -> AsyncIterator[AsyncConnection]:
        """Give a connection in a transaction for the length of the block.

        At its end it commits, or rolls back on an error and when `commit` is false.
        """
        async with (
            self.lease() as connection,
            driver_of(connection).transaction(force_rollback=not commit),
        ):
            yield connection

    @asynccontextmanager
    async def open(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """Take a connection as `engine` wants it out of the pool for the length of the block."""
        await self._take_turn()
        try:
            connection = await self._take_from_pool(engine)
            try:
                yield connection
            finally:
                await _finished(connection.close())
        finally:
            self._turns.release()

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

    async def take(self) -> AsyncConnection:
        """Take a connection in autocommit, which is to be given back by one of the two below."""
        await self._take_turn()
        try:
            return await self._take_kept() or await self._take_from_pool(self._plain)
        except BaseException:
            self._turns.release()
            raise

    async def keep(self, connection: AsyncConnection) -> None:
        """Take back a connection that is well, and keep it for whoever comes next."""
        try:
            if connection.in_transaction():  # of the library alone: the server knows of none
                await connection.rollback()
            if self._closed:
                await _finished(connection.close())
            else:
                self._kept.append(connection)
        finally:
            self._turns.release()

    async def discard(self, connection: AsyncConnection) -> None:
        """Take back a connection of which nobody knows what state it is in."""
        try:
            await _finished(_discard(connection))
        finally:
            self._turns.release()

    async def _take_turn(self) -> None:
        """Wait until there is a connection to spare."""
        if not self._turns.locked():
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout(self._pool.timeout()):
                await self._turns.acquire()
        except TimeoutError:
            raise PoolTimeout("no connection came free") from None

    async def _take_kept(self) -> AsyncConnection | None:
        while self._kept:
            connection = self._kept.pop()
            if _is_quiet(driver_of(connection)):
                return connection
            # Something came that nobody asked for: most likely the server's farewell.
            await _discard(connection)
        return None

    async def _take_from_pool(self, engine: AsyncEngine) -> AsyncConnection:
        # Whoever has a turn finds a connection there, or one that was kept.
        if self._kept and self._pool.checkedout() == self._pool.size():
            await self._kept.pop(0).close()
        return await engine.connect()


class Lease:
    """A connection for the length of a block; a class, because every request opens some."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def __aenter__(self) -> AsyncConnection:
        """Take it."""
        self._connection = await self._connections.take()
        return self._connection

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Give it back."""
        # An error of our own found nothing, or nothing that is allowed: no harm is done. Any other
        # may be a cancelled statement or a lost server.
        if error is None or isinstance(error, FindingsError):
            await self._connections.keep(self._connection)
        else:
            await self._connections.discard(self._connection)


def _is_quiet(driver: psycopg.AsyncConnection[Any]) -> bool:
    """Tell whether the server has said nothing since the last statement, at no round trip."""
    if driver.closed:
        return False
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    return not poll.poll(0)


def _require_quiet(_: Any, record: Any, __: Any) -> None:
    """Let the pool open another connection in place of one that the server has hung up on."""
    if not _is_quiet(record.driver_connection):
        raise DisconnectionError


async def _discard(connection: AsyncConnection) -> None:
    """Close a connection for good, so that the pool opens another in its place."""
    await connection.invalidate()
    await connection.close()


async def _finished(work: Coroutine[Any, Any, None]) -> None:
    """Wait for `work`, which goes on also when this task is cancelled."""
    await asyncio.shield(asyncio.ensure_future(work))
