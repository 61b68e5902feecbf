"""Tickets: file, show, list; their history and notes. Editing stands in ``documents``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from app.domain.accounts import Actor, Role
from app.domain.audit import AuditEvent
from app.domain.filters import TicketFilter
from app.domain.notes import Note
from app.domain.tickets import SimilarTicket, Ticket, TicketDraft
from app.domain.undo import PartKind
from app.errors import Forbidden, NotFound
from app.services.access import describe, id_of, load_ticket, lock_ticket
from app.services.filing import file_ticket
from app.services.sight import hide, sight, within_sight
from app.services.similar import similar_to
from app.services.statistics import Statistics
from app.storage.tickets.lists import TicketPage
from app.storage.tickets.pages import NOTHING_KNOWN, Expectation, expectation
from app.storage.unit import Stores, UnitOfWork


class TicketService:
    """Finding tickets."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._statistics = Statistics()

    async def file(self, actor: Actor, draft: TicketDraft, *, dry_run: bool = False) -> Ticket:
        """File a ticket, under its own key or the next free one; a dry run leaves nothing.

        Raises:
            AlreadyTaken: the key or the external reference is in use.
            InvalidInput: no key can be minted, or a relation names no ticket.
            RelationCycle: a relation would close a circle.
        """
        if not (dry_run or draft.key or draft.relations or draft.external_ref):
            async with self._unit.at_once() as stores:
                similar = await similar_to(stores, draft.title, draft.summary, draft.locations)
                added = await stores.filing.add_next(draft, actor)
                if added is not None:
                    return replace(added, similar=similar)
        async with self._unit.begin(commit=not dry_run) as stores:
            # First, while no counter is locked: others file meanwhile.
            similar = await similar_to(stores, draft.title, draft.summary, draft.locations)
            filed = await file_ticket(stores, actor, draft)
            return replace(filed, similar=similar)

    async def show(self, key: str) -> Ticket:
        """Return a ticket with everything shown with it.

        Raises:
            NotFound: there is none.
        """
        async with self._unit.read() as stores:
            return await load_ticket(stores, key)

    async def similar(self, key: str) -> Sequence[SimilarTicket]:
        """Return the tickets most like one, the most alike first.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            own = await load_ticket(stores, key)
            return await similar_to(stores, own.title, own.summary, own.locations, own_key=key)

    async def alike(self, title: str, summary: str) -> Sequence[SimilarTicket]:
        """Return the tickets most like a finding that is still being written."""
        async with self._unit.read() as stores:
            return await similar_to(stores, title, summary, ())

    async def page(
        self, wanted: TicketFilter, order: str, *, after: tuple[Any, ...] | None, limit: int
    ) -> TicketPage:
        """Return a page of tickets; who reviews blind gets no order by others' reviews."""
        if order.endswith("reviews") and sight() is not None:
            order = "-created"
        async with self._unit.read() as stores:
            wanted = within_sight(wanted)
            expected = await self._expected(stores, wanted, order, after, limit)
            found = await stores.ticket_lists.page(
                wanted, order, after=after, limit=limit, expected=expected
            )
            await hide(stores, found.items)
            return found

    async def _expected(
        self,
        stores: Stores,
        wanted: TicketFilter,
        order: str,
        after: tuple[Any, ...] | None,
        limit: int,
    ) -> Expectation:
        if wanted.q is None:
            return NOTHING_KNOWN
        known = await self._statistics.of_tickets(stores)
        terms = await self._statistics.terms(stores, wanted.q)
        return expectation(known, terms, order, after, limit)

    async def count(self, wanted: TicketFilter) -> tuple[int, bool]:
        """Return how many tickets there are, and whether that is exact."""
        async with self._unit.read() as stores:
            return await stores.ticket_lists.count(within_sight(wanted))

    async def history(self, key: str, *, after: int, limit: int) -> list[AuditEvent]:
        """Return what happened to a ticket, in order, from the event behind `after`.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            return await stores.audit.of_ticket(
                await id_of(stores, key), after=after, limit=limit, sight=sight()
            )

    async def add_note(self, actor: Actor, key: str, body: str) -> Note:
        """Add a note to a ticket.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            note = await stores.notes.add(ticket.id, actor.account, body)
            await stores.audit.record(
                actor, "note.added", ticket_id=ticket.id, changes={"note": [None, body]}
            )
            return note

    async def delete_note(self, actor: Actor, key: str, note_id: UUID) -> None:
        """Delete a note: its author, or a maintainer.

        Raises:
            NotFound: there is no such ticket or note.
            Forbidden: it is somebody else's, and the actor no maintainer.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            await stores.removed.keep(PartKind.NOTE, ticket.id, note_id, actor.account)
            note = await stores.notes.remove(ticket.id, note_id)
            if note is None:
                raise NotFound(f"{key} has no note {note_id}.")
            if note.author != actor.name and not actor.role.includes(Role.MAINTAINER):
                raise Forbidden(
                    f"The note is {note.author}'s; a maintainer may delete it as well. You are "
                    f"{describe(actor)}.",
                    needs=Role.MAINTAINER.value,
                    you=describe(actor),
                )
            await stores.audit.record(
                actor, "note.deleted", ticket_id=ticket.id, changes={"note": [note.body, None]}
            )

    async def notes(self, key: str, *, after: UUID | None, limit: int) -> Sequence[Note]:
        """Return the notes of a ticket, oldest first.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            return await stores.notes.of_ticket(await id_of(stores, key), after=after, limit=limit)
