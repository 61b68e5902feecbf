"""Connections that are kept for reads: given up in time, and none of them is a dead one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os

import pytest
from sqlalchemy import event, text

from app.database import open_connection
from app.domain.accounts import Role
from app.domain.filters import TicketFilter
from app.factory import Factory

pytestmark = pytest.mark.anyio


async def read(factory: Factory) -> None:
    await factory.tickets.page(TicketFilter(), "-created", after=None, limit=1)


async def test_a_kept_connection_that_the_server_closed_is_replaced(factory: Factory) -> None:
    await read(factory)
    async with factory.engine.connect() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND usename = current_user"
            )
        )

    await read(factory)

    assert factory.unit.pool_state()["in use"] == 0


async def test_kept_connections_make_room_for_transactions(factory: Factory) -> None:
    most = factory.unit.pool_state()["most"]
    await asyncio.gather(*(read(factory) for _ in range(4 * most)))
    begun = asyncio.Barrier(most)

    async def write() -> None:
        async with factory.unit.begin() as stores:
            await stores.accounts.count()
            await begun.wait()

    await asyncio.gather(*(write() for _ in range(most)))
    await read(factory)

    assert factory.unit.pool_state()["in use"] == 0


async def test_no_more_connections_are_opened_than_are_kept(factory: Factory) -> None:
    opened: list[object] = []
    event.listen(factory.engine.sync_engine, "connect", lambda driver, _: opened.append(driver))
    most = factory.unit.pool_state()["most"]

    async def write() -> None:
        async with factory.unit.begin() as stores:
            await stores.accounts.count()

    for _ in range(3):
        await asyncio.gather(
            *(read(factory) for _ in range(4 * most)), *(write() for _ in range(4 * most))
        )

    assert len(opened) <= most
    assert factory.unit.pool_state() == {"in use": 0, "idle": most, "most": most}


async def test_a_transaction_that_fails_leaves_nothing_and_its_connection_is_not_kept(
    factory: Factory,
) -> None:
    async with factory.unit.begin() as stores:
        before = await stores.accounts.count()

    async def fail() -> None:
        async with factory.unit.begin() as stores:
            await stores.accounts.add("somebody", Role.READER)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with factory.unit.begin(commit=False) as stores:
        await stores.accounts.add("nobody", Role.READER)

    async with factory.unit.read() as stores:
        assert await stores.accounts.count() == before
    assert factory.unit.pool_state()["in use"] == 0


def sockets() -> int:
    """How many sockets this process has open."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own descriptor is gone by now
            found += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs a list of open files")
async def test_a_connection_given_up_half_made_is_closed(schema_database: str) -> None:
    # Without the collector, which would close it sooner or later.
    gc.collect()
    before = sockets()
    gc.disable()
    try:
        for turns in range(6):
            opening = asyncio.ensure_future(open_connection(schema_database))
            for _ in range(turns):
                await asyncio.sleep(0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        assert sockets() == before
    finally:
        gc.enable()
