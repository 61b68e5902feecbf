"""The review queue: which tickets want a specialist's review, and who has taken them on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.domain.accounts import Actor
from app.domain.queue import LeasedTicket, QueuedTicket
from app.domain.sight import seen_ticket
from app.errors import FieldError, InvalidInput
from app.services.service import Service
from app.services.sight import hide, sight
from app.services.specialists import specialist_meant, specialist_spoken_for
from app.storage.unit import Stores

_TRIES = 5
"""How often a claim looks again while others change the very tickets that it could get."""


class QueueService(Service):
    """The review queue and its leases."""

    async def page(
        self, actor: Actor, specialist: str | None, *, after: tuple[Any, ...] | None, limit: int
    ) -> list[tuple[tuple[str, int], QueuedTicket]]:
        """Return tickets that want a review and nobody else holds, each with its position.

        Raises:
            InvalidInput: there is no such specialist, or none is named and none can be told.
        """
        async with self._unit.read() as stores:
            name = await specialist_meant(stores, actor, specialist, location="query")
            found = await stores.leases.queue(name, actor.account.id, after=after, limit=limit)
            await hide(stores, [queued.ticket for _, queued in found])
            return found

    async def counts(self, actor: Actor) -> dict[str, int]:
        """Return how long the queues of the specialists are that the account speaks for."""
        if not actor.account.speaks_for:
            return {}
        async with self._unit.read() as stores:
            return await stores.leases.counts(actor.account.speaks_for, actor.account.id)

    async def claim(
        self, actor: Actor, specialist: str | None, *, count: int, minutes: int
    ) -> tuple[str, list[LeasedTicket]]:
        """Lease up to `count` tickets that nobody holds, for `minutes`.

        No ticket is leased twice however many claim at once. The answer is empty when the queue
        is; a ticket that is just being changed may be passed over and come with the next claim.

        Returns:
            The specialist, and the leased tickets in the order of the queue.

        Raises:
            InvalidInput: there is no such specialist, or none is named and none can be told.
            Forbidden: the account does not speak for it.
        """
        lasting = timedelta(minutes=minutes)
        for _ in range(_TRIES):
            async with self._unit.begin() as stores:
                name = await specialist_spoken_for(stores, actor, specialist)
                got = await _lease_waiting(stores, actor, name, count, lasting)
                if got:
                    return name, await _leased(stores, got, name)
            async with self._unit.read() as stores:
                if not await stores.leases.any_waiting(name):
                    break
        return name, []

    async def claim_named(
        self, actor: Actor, specialist: str | None, keys: Sequence[str], *, minutes: int
    ) -> tuple[str, list[LeasedTicket]]:
        """Lease the named tickets, or extend the account's leases of them, for `minutes`.

        Those that somebody else holds, and those that want no review any more, are left out.

        Returns:
            The specialist, and the leased tickets in the order of the queue.

        Raises:
            InvalidInput: a key names no ticket, or no specialist can be told.
            Forbidden: the account does not speak for the specialist.
        """
        async with self._unit.begin() as stores:
            name = await specialist_spoken_for(stores, actor, specialist)
            ids = await stores.leases.lock_named(await _ids_of(stores, keys))
            lasting = timedelta(minutes=minutes)
            got = await stores.leases.lease(ids, name, actor.account.id, lasting, extend=True)
            return name, await _leased(stores, got, name)

    async def release(
        self, actor: Actor, specialist: str | None, keys: Sequence[str] | None
    ) -> tuple[str, list[str]]:
        """End leases of the account, all of a specialist's or those of the named tickets.

        Returns:
            The specialist, and the keys of the tickets that it held until now.

        Raises:
            InvalidInput: a key names no ticket, or no specialist can be told.
        """
        async with self._unit.begin() as stores:
            name = await specialist_meant(stores, actor, specialist)
            ids = None if keys is None else await _ids_of(stores, keys)
            return name, await stores.leases.release(name, actor.account.id, ids)


async def _leased(stores: Stores, ids: Sequence[int], specialist: str) -> list[LeasedTicket]:
    found = await stores.leases.leased(ids, specialist)
    return [replace(one, ticket=seen_ticket(one.ticket, sight())) for one in found]


async def _lease_waiting(
    stores: Stores, actor: Actor, specialist: str, count: int, lasting: timedelta
) -> list[int]:
    """Lock and lease until there are enough tickets, or no more that could be had.

    Each round looks at the newest state. One that locks only tickets which others got first
    leaves them out of the next, so the rounds come to an end.
    """
    got: list[int] = []
    while len(got) < count:
        locked = await stores.leases.lock_waiting(specialist, count - len(got))
        if not locked:
            break
        got += await stores.leases.lease(
            locked, specialist, actor.account.id, lasting, extend=False
        )
    return got


async def _ids_of(stores: Stores, keys: Sequence[str]) -> list[int]:
    ids = await stores.tickets.ids_of(keys)
    errors = [
        FieldError(f"/keys/{n}", f"there is no ticket {key!r}")
        for n, key in enumerate(keys)
        if key not in ids
    ]
    if errors:
        raise InvalidInput(*errors)
    return list(ids.values())
