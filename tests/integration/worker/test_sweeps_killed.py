"""Workers that are killed, as a process, while they sweep: nothing is lost, and nothing is twice.

A worker is held at a step by a lock that the test takes in the database, and then gets SIGKILL.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.jobs import notify_workers
from tests.integration.worker.test_lost_workers import fall_silent, jobs, worker_process, working
from tests.integration.worker.test_sweeps import TICKETS, Field, made, package
from tests.support.api import running_api
from tests.support.repositories import MadeRepository

pytestmark = pytest.mark.anyio
__all__ = ["made"]  # the repository, as a fixture


@pytest.fixture
async def field(made: MadeRepository, database: str, shared: Any) -> AsyncIterator[Field]:
    """A service without a worker, of which two tickets are closed and then come back."""
    targets = made.folder.parent / "targets.toml"
    async with running_api(
        database, shared=shared, sweeps=True, targets=targets, worker_silence_s=1
    ) as api:
        await api.call("POST", "/targets/acme/sync", expect=200)
        for key in TICKETS:
            await api.file(key=key, batch=8, domains=["acme"])
        found = Field(api, made)
        for key in TICKETS[:2]:
            await found.close(key)
        made.commit(package("one", "two"), message="Break one and two")
        await api.call("POST", "/targets/acme/sync", expect=200)
        yield found


async def newest(field: Field) -> str:
    return str((await field.api.get("/sweeps?target=acme&limit=1"))["items"][0]["id"])


async def killed(field: Field, database: str, steps: Sequence[tuple[str, int]]) -> None:
    """Have a worker work until a lock holds it, and kill it there.

    Each of `steps` is a lock, and of how many tickets something is said when the worker comes up
    to it. The first is taken before it takes the sweep up, each further one while the one before
    holds it.
    """
    folder, sweep = field.made.folder.parent, await newest(field)
    async with contextlib.AsyncExitStack() as stack:

        async def locked(statement: str) -> AsyncConnection:
            connection = await stack.enter_async_context(field.api.factory.engine.connect())
            await connection.exec_driver_sql(statement)
            return connection

        connection = await locked(OF_THE_JOB)  # those that others hold are passed over
        process = stack.enter_context(
            worker_process(database, target_root=folder, targets=folder / "targets.toml")
        )

        async def until(reached: Callable[[], Awaitable[bool]]) -> None:
            async with asyncio.timeout(120):
                while not await reached():
                    assert process.poll() is None
                    await field.api.get(f"/sweeps/{sweep}?wait=0.1")

        async def has_begun() -> bool:
            workers = (await field.api.get("/workers"))["items"]
            return any(one["name"].endswith(f":{process.pid}") for one in workers)

        async def has_said(count: int) -> bool:
            return len((await field.api.get(f"/sweeps/{sweep}/items"))["items"]) == count

        await until(has_begun)
        for statement, said in steps:
            before, connection = connection, await locked(statement)
            await before.rollback()
            async with field.api.factory.engine.begin() as free:
                await notify_workers(free)  # what was passed over is looked for again at once
            await until(functools.partial(has_said, said))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    await fall_silent(field.api.factory)
    await field.api.factory.worker_states.rescue(0.0)


def of_ticket(key: str) -> str:
    return f"SELECT 1 FROM tickets WHERE key = '{key}' FOR UPDATE"


OF_THE_JOB = "SELECT 1 FROM procrastinate_jobs FOR UPDATE"


async def test_a_sweep_outlives_the_processes_that_make_it(field: Field, database: str) -> None:
    sweep_id = await newest(field)
    # What held was said, and nothing else.
    await killed(field, database, [(of_ticket(TICKETS[0]), 2)])
    # The first ticket is open again; then all is said, but the end is not stored.
    await killed(field, database, [(of_ticket(TICKETS[1]), 3), (OF_THE_JOB, 4)])

    async with working(field.api):
        sweep = await field.over(sweep_id)

    assert (sweep["attempt"], sweep["reopened"]) == (3, 2)
    assert await field.verdicts(sweep) == {
        **dict.fromkeys(TICKETS[:2], "regressed"),
        **dict.fromkeys(TICKETS[2:], "held"),
    }
    for key in TICKETS[:2]:
        history = (await field.api.get(f"/tickets/{key}/history"))["items"]
        by_sweep = [one for one in history if "sweep" in (one.get("changes") or {})]
        assert len(by_sweep) == 1
        assert len((await field.api.get(f"/runs?ticket={key}"))["items"]) == 1
        assert await field.status(key) == "open"
    assert await jobs(field.api.factory) == 0
