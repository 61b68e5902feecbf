"""Following what happens to tickets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from app.domain.accounts import Account
from app.domain.audit import AuditEvent, Changes, EventId
from app.services.access import id_of
from app.services.sight import sight
from app.storage.notifier import Notifier, set_within
from app.storage.unit import UnitOfWork

KEEP_ALIVE_S = 15.0
"""After that long without an event a follower is told that the line is open."""

_LOOK_AGAIN_S = 0.25
"""While events wait for an older transaction, whose end notifies nobody."""

_GATHER_S = 0.05
"""So long changes gather before they are read, so that a burst is one read."""

_PAGE = 200


class ChangeService:
    """Changes to tickets."""

    def __init__(self, unit: UnitOfWork, notifier: Notifier) -> None:
        self._unit = unit
        self._notifier = notifier

    async def page(self, after: EventId | None, *, limit: int, mine: Account | None) -> Changes:
        """Return what happened behind `after`, in the order of commits.

        Events that an older transaction could still slip in between are not given yet.

        Args:
            after: the last event seen; None: only where the reader is to go on from now.
            limit: the most events to return.
            mine: only tickets that this account filed, is assigned to or reviewed.
        """
        async with self._unit.read() as stores:
            if after is None:
                return Changes((), await stores.changes.newest(), more=False)
            return await stores.changes.page(after, limit=limit, mine=mine, sight=sight())

    async def follow(
        self, after: EventId | None, *, mine: Account | None
    ) -> AsyncIterator[AuditEvent | None]:
        """Give what happens behind `after`, or from now, for as long as somebody reads.

        None stands for a while in which nothing happened.
        """
        async with self._notifier.watching_changes() as notified:
            while True:
                notified.clear()
                found = await self.page(after, limit=_PAGE, mine=mine)
                after = found.last
                for event in found.events:
                    yield event
                if found.more:
                    continue
                if not await self._wait(notified):
                    yield None

    async def follow_ticket(self, key: str, after: int) -> AsyncIterator[AuditEvent | None]:
        """Give what happens to a ticket behind the event `after`, for as long as somebody reads.

        None stands for a while in which nothing happened.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._notifier.watching_changes() as notified:
            while True:
                notified.clear()
                async with self._unit.read() as stores:
                    ticket = await id_of(stores, key)
                    found = await stores.audit.of_ticket(
                        ticket, after=after, limit=_PAGE, sight=sight()
                    )
                for event in found:
                    after = event.id.number
                    yield event
                if not await set_within(notified, KEEP_ALIVE_S):
                    yield None
                else:
                    await asyncio.sleep(_GATHER_S)

    async def _wait(self, notified: asyncio.Event) -> bool:
        """Wait until there may be more; False when nothing happened for long."""
        async with self._unit.read() as stores:
            pause = _LOOK_AGAIN_S if await stores.changes.held_back() else KEEP_ALIVE_S
        if not await set_within(notified, pause):
            return pause < KEEP_ALIVE_S
        await asyncio.sleep(_GATHER_S)
        return True
