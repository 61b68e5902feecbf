"""The code that locations of tickets name, looked up in the tree that is in force."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from app.domain.filters import TicketFilter
from app.domain.places import Book, Found, Tree, filed, locate
from app.domain.relocated import PlaceState, Relocated
from app.domain.tickets import Location
from app.sandbox.snapshot import Snapshot
from app.sandbox.source import MAX_BYTES, stated_as
from app.services.access import load_ticket
from app.services.sources import Sources
from app.storage.places import StoredPlace
from app.storage.unit import UnitOfWork

_BATCH = 500
_MOST_BYTES = 64 << 20
"""Of a tree that is searched; what lies beyond is not."""


@dataclass(frozen=True)
class PlaceOfTicket:
    """A location of a ticket, and what became of its code in a checkout."""

    key: str
    location: Location
    now: Relocated


class PlaceService:
    """Keeps what is said of places in step with the targets."""

    def __init__(self, unit: UnitOfWork, book: Book, sources: Sources) -> None:
        self._unit = unit
        self._book = book
        self._sources = sources
        self._locks: dict[str, asyncio.Lock] = {}

    async def follow(self, snapshot: Snapshot) -> None:
        """Look all locations of a target's tickets up in what it holds now.

        When that is known already nothing is read. What is filed meanwhile is looked up by itself.
        """
        target = snapshot.target
        digest = f"{snapshot.package_digest[:16]}{snapshot.suite_digest[:16]}"
        async with self._locks.setdefault(target.name, asyncio.Lock()):
            held = self._book.trees.get(target.name)
            if held is not None and held.digest == digest:
                return
            tree = await asyncio.to_thread(self._tree, snapshot, digest)
            self._book.hold(target.name, tree, partial(stated_as, target))
            await self._look_up_all(target.name, tree)

    def _tree(self, snapshot: Snapshot, digest: str) -> Tree:
        read = self._sources.read(snapshot.target)
        return Tree(digest, _texts({**read.files, **read.suite, **read.package}))

    async def _look_up_all(self, target: str, tree: Tree) -> None:
        after: str | None = None
        while True:
            async with self._unit.begin() as stores:
                found = await stores.places.of_other_trees(
                    target,
                    tree.digest,
                    unplaced=stores.placement.only == target,
                    after=after,
                    limit=_BATCH,
                )
                if not found:
                    return
                after = found[-1].id
                now = await asyncio.to_thread(
                    lambda some: [
                        (place.id, *self._book.look_up(target, place.location, place.filed)[:2])
                        for place in some
                    ],
                    found,
                )
                await stores.places.save(now, tree.digest)

    async def filed_code(self, key: str) -> Mapping[str, Sequence[str]]:
        """Return the code of a ticket's locations as it was filed, by their ids.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            ticket = await load_ticket(stores, key)
            return await stores.places.filed_code(ticket.id)

    async def in_checkout(
        self, files: Mapping[str, bytes], wanted: TicketFilter
    ) -> list[PlaceOfTicket]:
        """Look locations up in files that are no target; nothing is stored.

        Args:
            files: by path relative to the root of the code.
            wanted: which tickets.
        """
        tree = await asyncio.to_thread(lambda: Tree("checkout", _texts(files)))
        found: list[PlaceOfTicket] = []
        position: tuple[object, ...] | None = None
        while True:
            async with self._unit.read() as stores:
                page = await stores.ticket_lists.page(wanted, "key", after=position, limit=_BATCH)
                ids = await stores.tickets.ids_of([item.key for item in page.items])
                places = await stores.places.filed_of(list(ids.values()))
            for key, place in places:
                now = await asyncio.to_thread(_found_in, tree, place)
                told = Relocated(place.id, now.state, now.path, now.start, now.end)
                found.append(PlaceOfTicket(key, place.location, told))
            position = page.next_position
            if position is None:
                return found


def _found_in(tree: Tree, place: StoredPlace) -> Found:
    """Look for a place in a checkout: as it was filed or, where nobody knows, as it is named."""
    was = place.filed or filed(tree, place.location, place.location.path)
    return Found(PlaceState.UNKNOWN) if was is None else locate(tree, was)


def _texts(files: Mapping[str, bytes]) -> dict[str, str]:
    found, size = {}, 0
    for path, content in sorted(files.items()):
        size += len(content)
        if size > _MOST_BYTES:
            break
        if len(content) <= MAX_BYTES and b"\x00" not in content:
            found[path] = content.decode("utf-8", "replace")
    return found
