"""Tickets: file, show, list; their history and notes. Editing stands in ``documents``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.domain.accounts import Actor
from app.domain.audit import AuditEvent
from app.domain.notes import Note
from app.domain.tickets import Relation, Ticket, TicketDraft
from app.errors import FieldError, InvalidInput
from app.services.access import lock_ticket, no_ticket
from app.services.evidence import reassess
from app.storage.ticket_lists import TicketFilter, TicketPage
from app.storage.unit import Stores, UnitOfWork


class TicketService:
    """Finding tickets."""

    def __init__(self, unit: UnitOfWork, target: str) -> None:
        self._unit = unit
        self._target = target

    async def file(self, actor: Actor, draft: TicketDraft, *, dry_run: bool = False) -> Ticket:
        """File a ticket, under its own key or the next free one; a dry run leaves nothing.

        Raises:
            AlreadyTaken: the key or the external reference is in use.
            InvalidInput: no key can be minted, or a relation names no ticket.
        """
        async with self._unit.begin(commit=not dry_run) as stores:
            key = await _key_for(stores, draft)
            ticket_id = await stores.tickets.add(draft, key, actor.account)
            relations = await resolve_relations(stores, key, draft.relations)
            await stores.tickets.add_relations(ticket_id, relations)
            await stores.audit.record(
                actor,
                "ticket.filed",
                ticket_id=ticket_id,
                changes={"key": [None, key], "title": [None, draft.title]},
            )
            await reassess(stores, ticket_id, key, self._target)
            return await shown(stores, key)

    async def show(self, key: str) -> Ticket:
        """Return a ticket with everything shown with it.

        Raises:
            NotFound: there is none.
        """
        async with self._unit.read() as stores:
            return await shown(stores, key)

    async def page(
        self, wanted: TicketFilter, order: str, *, after: tuple[Any, ...] | None, limit: int
    ) -> TicketPage:
        """Return a page of tickets."""
        async with self._unit.read() as stores:
            return await stores.ticket_lists.page(wanted, order, after=after, limit=limit)

    async def count(self, wanted: TicketFilter) -> tuple[int, bool]:
        """Return how many tickets there are, and whether that is exact."""
        async with self._unit.read() as stores:
            return await stores.ticket_lists.count(wanted)

    async def history(self, key: str, *, after: int, limit: int) -> list[AuditEvent]:
        """Return what happened to a ticket, in order, from the event behind `after`.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            return await stores.audit.of_ticket(await id_of(stores, key), after=after, limit=limit)

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

    async def notes(self, key: str, *, after: UUID | None, limit: int) -> Sequence[Note]:
        """Return the notes of a ticket, oldest first.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            return await stores.notes.of_ticket(await id_of(stores, key), after=after, limit=limit)


async def shown(stores: Stores, key: str) -> Ticket:
    """Return a ticket by key.

    Raises:
        NotFound: there is none.
    """
    ticket = await stores.tickets.show(key)
    if ticket is None:
        raise no_ticket(key)
    return ticket


async def id_of(stores: Stores, key: str) -> int:
    """Return the id of a ticket.

    Raises:
        NotFound: there is none.
    """
    found = await stores.tickets.ids_of([key])
    if key not in found:
        raise no_ticket(key)
    return found[key]


async def _key_for(stores: Stores, draft: TicketDraft) -> str:
    # The counter is locked before the ticket is inserted, by both ways of getting a key; the
    # other order would let two filings wait for each other.
    if draft.key is not None:
        await stores.tickets.note_key(draft.key)
        return draft.key
    codes = {s.name: s.code for s in await stores.accounts.specialists()}
    if draft.agent not in codes:
        raise InvalidInput(
            FieldError(
                "/agent",
                f"agent {draft.agent!r} is no specialist, so no key can be minted for it. "
                "Take one of the allowed agents, or give a key.",
                allowed=tuple(codes),
            )
        )
    return await stores.tickets.mint_key(draft.batch, codes[draft.agent])


async def resolve_relations(
    stores: Stores, key: str, relations: Sequence[Relation]
) -> list[tuple[Relation, int]]:
    """Return relations with the ids of the tickets they name.

    Raises:
        InvalidInput: one names no ticket, or the ticket itself.
    """
    ids = await stores.tickets.ids_of([relation.key for relation in relations])
    errors = []
    for n, relation in enumerate(relations):
        pointer = f"/relations/{n}/key"
        if relation.key == key:
            errors.append(FieldError(pointer, f"{key} cannot be related to itself"))
        elif relation.key not in ids:
            errors.append(FieldError(pointer, f"there is no ticket {relation.key!r}"))
    if errors:
        raise InvalidInput(*errors)
    return [(relation, ids[relation.key]) for relation in relations]
