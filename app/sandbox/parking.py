"""Collected arms that nobody uses, kept for a while: to run one again is then a matter of forks."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

from app.sandbox.session import CollectedSession

Key = Hashable
"""What a session was opened with: the arm, which its content names, the tests and the limits."""

_MOST = 4
"""Each holds what it has imported beyond the fork server, and a kernel's worth of page tables."""
_SECONDS = 60.0


class Parking:
    """Keeps the sessions used last, each under what it was opened with."""

    def __init__(self) -> None:
        self._parked: dict[Key, tuple[CollectedSession, asyncio.TimerHandle]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def take(self, key: Key) -> CollectedSession | None:
        """Take up what is parked under `key`, if it is still sound."""
        found = self._parked.pop(key, None)
        if found is None:
            return None
        session, timer = found
        timer.cancel()
        if session.is_sound():
            return session
        await session.end()
        return None

    async def put(self, key: Key, session: CollectedSession) -> None:
        """Park a session, in place of the one that waits longest where there are too many."""
        if key in self._parked:
            await session.end()
            return
        while len(self._parked) >= _MOST:
            self._end(next(iter(self._parked)))
        timer = asyncio.get_running_loop().call_later(_SECONDS, self._end, key)
        self._parked[key] = session, timer

    async def close(self) -> None:
        """End all of them."""
        for key in tuple(self._parked):
            self._end(key)
        await asyncio.gather(*self._ending)

    def _end(self, key: Key) -> None:
        session, timer = self._parked.pop(key)
        timer.cancel()
        task = asyncio.create_task(session.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
