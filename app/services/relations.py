"""Relations between tickets, one at a time."""

from __future__ import annotations

from dataclasses import asdict

from app.domain.accounts import Actor
from app.domain.tickets import Relation, RelationKind, Ticket
from app.errors import AlreadyTaken, FieldError, InvalidInput, NotFound
from app.services.access import check_if_match, load_ticket, lock_ticket, no_ticket
from app.services.graph import check_originals, lock_relations, state_relations
from app.services.service import Service
from app.storage.unit import Stores


class RelationService(Service):
    """Relations between tickets."""

    async def add(
        self, actor: Actor, key: str, relation: Relation, *, if_match: str | None = None
    ) -> Ticket:
        """Let a ticket state a relation to another one; both show it from then on.

        Raises:
            NotFound: there is no such ticket.
            PreconditionFailed: an ETag came, and it is stale.
            InvalidInput: the other ticket does not exist, or is the same.
            AlreadyTaken: the two have this relation already.
            RelationCycle: it would close a circle.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            if if_match is not None:
                check_if_match(ticket, if_match)
            other_id = (await stores.tickets.ids_of([relation.key])).get(relation.key)
            if other_id is None:
                raise InvalidInput(FieldError("/key", f"there is no ticket {relation.key!r}"))
            if other_id == ticket.id:
                raise InvalidInput(FieldError("/key", f"{key} cannot be related to itself"))
            (new,) = await state_relations(stores, ticket.id, [(relation, other_id)])
            if not new:
                raise AlreadyTaken(f"{key} has the relation {relation.kind.value} {relation.key}.")
            await stores.ticket_edits.save_fields(ticket.id, {}, content_changed=False)
            await _record(stores, actor, ticket.id, "relation.added", relation)
            seen_from_there = Relation(key, relation.kind.inverse, relation.note, False)
            await _record(stores, actor, other_id, "relation.added", seen_from_there)
            return await load_ticket(stores, key)

    async def remove(
        self, actor: Actor, key: str, kind: RelationKind, other: str, if_match: str | None
    ) -> Ticket:
        """Take a relation away, whichever of the two tickets states it.

        The version of the ticket in the path counts up, and that of the other one too when it is
        the other's document that stated the relation.

        Raises:
            NotFound: there is no such ticket or relation.
            PreconditionRequired, PreconditionFailed: the ETag is missing or stale.
            ResolutionRestsOn: the duplicate is closed as one, and names no other original.
        """
        async with self._unit.begin() as stores:
            locked = {}
            ids = await stores.tickets.ids_of([key, other])
            # In the order of ids, so that two who remove from both ends do not block each other.
            for name in sorted(ids, key=lambda name: ids[name]):
                locked[name] = await lock_ticket(stores, name)
            if key not in locked:
                raise no_ticket(key)
            ticket = locked[key]
            check_if_match(ticket, if_match)
            await lock_relations(stores, [kind])
            stater = None
            if other in locked and other != key:
                stater = await stores.relations.remove(ticket.id, locked[other].id, kind)
            if stater is None:
                raise NotFound(f"{key} has no relation {kind.value} {other[:60]!r}.")
            await check_originals(stores, [(ticket.id, locked[other].id, kind)])
            for changed in {ticket.id, stater}:
                await stores.ticket_edits.save_fields(changed, {}, content_changed=False)
            gone, seen_from_there = Relation(other, kind), Relation(key, kind.inverse)
            await _record(stores, actor, ticket.id, "relation.removed", gone, new=False)
            await _record(
                stores, actor, locked[other].id, "relation.removed", seen_from_there, new=False
            )
            return await load_ticket(stores, key)


async def _record(
    stores: Stores,
    actor: Actor,
    ticket_id: int,
    action: str,
    relation: Relation,
    *,
    new: bool = True,
) -> None:
    said = asdict(relation)
    del said["stated_here"]
    change = [None, said] if new else [said, None]
    await stores.audit.record(actor, action, ticket_id=ticket_id, changes={"relations": change})
