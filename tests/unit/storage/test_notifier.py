"""Waiting until something is notified."""

from __future__ import annotations

import asyncio

import pytest

from app.storage.notifier import set_within

pytestmark = pytest.mark.anyio


async def test_whoever_waits_hears_whether_it_was_rung() -> None:
    notified = asyncio.Event()
    assert not await set_within(notified, 0)
    notified.set()
    assert await set_within(notified, 60)


@pytest.mark.parametrize("steps", range(5))
async def test_who_is_cancelled_as_it_is_rung_is_cancelled(steps: int) -> None:
    notified = asyncio.Event()
    waiting = asyncio.create_task(set_within(notified, 60))
    await asyncio.sleep(0)  # it waits now
    notified.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    was_in_time = waiting.cancel()

    (said,) = await asyncio.gather(waiting, return_exceptions=True)

    assert isinstance(said, asyncio.CancelledError) is was_in_time
