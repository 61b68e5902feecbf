"""Stating relations of a ticket, by whichever call: they name tickets, and make no circle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.domain import lifecycle
from app.domain.accounts import Role
from app.domain.gate_calls import reopen
from app.domain.relations import ACYCLIC, circle_sentence, path
from app.domain.tickets import Relation, RelationKind, Status
from app.errors import FieldError, InvalidInput, RelationCycle, ResolutionRestsOn
from app.storage.unit import Stores


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


async def state_relations(
    stores: Stores, ticket_id: int, relations: Sequence[tuple[Relation, int]]
) -> list[bool]:
    """Add relations that a ticket states, and tell for each whether it is new.

    The caller holds the ticket's row, and locks no row and no key counter after this: the locks
    of the kinds come last in every transaction, or two could wait for each other.

    Raises:
        RelationCycle: one would close a circle of ``blocks`` or ``duplicate-of``.
    """
    await lock_relations(stores, (relation.kind for relation, _ in relations))
    added = []
    for relation, other_id in relations:
        if relation.kind is not RelationKind.RELATED:
            await _check_circle(stores, ticket_id, other_id, relation.kind)
        added.append(await stores.relations.add(ticket_id, other_id, relation))
    return added


async def lock_relations(stores: Stores, kinds: Iterable[RelationKind]) -> None:
    """Let nobody else add or remove relations of these kinds until the transaction ends.

    For those who do several things with relations; all lock the kinds in the same order.
    """
    stored = {_stored_kind(kind) for kind in kinds}
    for kind in ACYCLIC:
        if kind in stored:
            await stores.relations.lock_kind(kind)


async def check_originals(stores: Stores, removed: Iterable[tuple[int, int, RelationKind]]) -> None:
    """Check that no resolution rested on relations (ticket, other, kind) that were removed.

    It is asked after everything that the transaction does with relations and resolutions, and
    under the lock of the kind, which a step to ``duplicate`` takes too.

    Raises:
        ResolutionRestsOn: a ticket that is closed as a duplicate would name no original.
    """
    duplicates = [
        ticket if kind is RelationKind.DUPLICATE_OF else other
        for ticket, other, kind in removed
        if _stored_kind(kind) is RelationKind.DUPLICATE_OF
    ]
    left = await stores.relations.without_original(duplicates) if duplicates else []
    if not left:
        return
    needs = lifecycle.step(Status(left[0][1]), Status.OPEN)
    role = Role.MAINTAINER if needs is None else needs.role
    names = ", ".join(key for key, _ in left)
    raise ResolutionRestsOn(
        f"{names} is closed as a duplicate, and this relation says of which ticket. Add the "
        f"duplicate-of relation to another one first, or open {names} again: the role "
        f"{role.value} may do that, or a reporter who filed it.",
        remedies=[reopen(key, role.value) for key, _ in left],
        extra={"resting": [key for key, _ in left]},
    )


def _stored_kind(kind: RelationKind) -> RelationKind:
    return kind if kind.is_stored else kind.inverse


async def _check_circle(stores: Stores, ticket_id: int, other_id: int, kind: RelationKind) -> None:
    stored = _stored_kind(kind)
    start, end = (ticket_id, other_id) if kind is stored else (other_id, ticket_id)
    if not await stores.relations.reaches(stored, end, start):
        return
    names = await stores.tickets.keys_of([start, end])
    edges = await stores.relations.edges_from(stored, end)
    circle = (names[start], *path(edges, names[end], names[start]))
    raise RelationCycle(
        f"That would close a circle: {circle_sentence(stored, circle)}. Remove one of these "
        "relations first, or leave the new one out.",
        extra={"kind": stored.value, "path": list(circle)},
    )


async def state_from_documents(
    stores: Stores, relations: Sequence[tuple[int, int, Relation]]
) -> list[bool]:
    """Add (ticket, other, relation) that documents state; False where one would close a circle.

    One that is there already stays as it is, whichever side states it.
    """
    await lock_relations(stores, (relation.kind for _, _, relation in relations))
    stated = []
    for ticket_id, other_id, relation in relations:
        stored = _stored_kind(relation.kind)
        start, end = (ticket_id, other_id) if relation.kind is stored else (other_id, ticket_id)
        circle = stored in ACYCLIC and await stores.relations.reaches(stored, end, start)
        if not circle:
            await stores.relations.add_unless_there(ticket_id, other_id, relation)
        stated.append(not circle)
    return stated


async def adopt_waiting(stores: Stores, key: str, ticket_id: int) -> None:
    """State the relations of documents that named `key` before there was such a ticket."""
    waiting = await stores.documents.waiting_for(key)
    wanted = [(other_id, ticket_id, relation) for other_id, relation in waiting]
    for (other_id, _, relation), done in zip(
        wanted, await state_from_documents(stores, wanted), strict=True
    ):
        if done:
            await stores.documents.drop_pending(other_id, relation)
