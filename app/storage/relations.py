"""Relations between tickets: each kept once, in its stored direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, exists, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.elements import ColumnElement

from app.domain.tickets import Relation, RelationKind, Resolution
from app.schema.tickets import ticket_relations, tickets
from app.storage.store import Store

_LOCKS: Mapping[RelationKind, int] = {RelationKind.BLOCKS: 1, RelationKind.DUPLICATE_OF: 2}
_LOCK_CLASS = 0x72656C  # "rel", to be apart from other advisory locks


class RelationStore(Store):
    """Relations between tickets."""

    async def lock_kind(self, kind: RelationKind) -> None:
        """Let nobody else add a relation of this kind until the transaction ends.

        Two transactions that each close one half of a circle would otherwise not see each other.
        The lock comes last: its holder waits for no row and no counter any more.
        """
        await self._connection.execute(
            select(func.pg_advisory_xact_lock(_LOCK_CLASS, _LOCKS[kind]))
        )

    async def add(self, ticket_id: int, other_id: int, relation: Relation) -> bool:
        """Add a relation that `ticket_id` states; False when it was there already.

        One that is there gets the new note.
        """
        mine, theirs, kind = _stored(ticket_id, other_id, relation.kind)
        there = await self._connection.execute(
            update(ticket_relations).where(_is(mine, theirs, kind)).values(note=relation.note)
        )
        if there.rowcount:
            return False
        await self._connection.execute(
            insert(ticket_relations).values(
                ticket_id=mine,
                other_id=theirs,
                kind=kind,
                note=relation.note,
                by_other=mine != ticket_id,
            )
        )
        return True

    async def add_unless_there(self, ticket_id: int, other_id: int, relation: Relation) -> bool:
        """Add a relation that `ticket_id` states; one that is there keeps its note and its side."""
        mine, theirs, kind = _stored(ticket_id, other_id, relation.kind)
        done = await self._connection.execute(
            upsert(ticket_relations)
            .values(
                ticket_id=mine,
                other_id=theirs,
                kind=kind,
                note=relation.note,
                by_other=mine != ticket_id,
            )
            .on_conflict_do_nothing()
        )
        return bool(done.rowcount)

    async def remove(self, ticket_id: int, other_id: int, kind: RelationKind) -> int | None:
        """Remove a relation and return the id of the ticket that stated it; None without one."""
        mine, theirs, stored = _stored(ticket_id, other_id, kind)
        row: Row[Any] | None = (
            await self._connection.execute(
                delete(ticket_relations)
                .where(_is(mine, theirs, stored))
                .returning(ticket_relations.c.by_other)
            )
        ).one_or_none()
        if row is None:
            return None
        return theirs if row.by_other else mine

    async def without_original(self, ids: Sequence[int]) -> list[tuple[str, str]]:
        """Return (key, status) of those tickets that are resolved as duplicates, and of none."""
        original = exists().where(
            ticket_relations.c.ticket_id == tickets.c.id,
            ticket_relations.c.kind == RelationKind.DUPLICATE_OF.value,
        )
        rows = await self._connection.execute(
            select(tickets.c.key, tickets.c.status)
            .where(
                tickets.c.id.in_(ids),
                tickets.c.resolution == Resolution.DUPLICATE.value,
                ~original,
            )
            .order_by(tickets.c.sort_key)
        )
        return [(row.key, row.status) for row in rows]

    async def reaches(self, kind: RelationKind, start: int, goal: int) -> bool:
        """Tell whether relations of `kind` lead from `start` to `goal`."""
        reached = self._reached(kind, start)
        return bool(
            await self._connection.scalar(
                select(literal(True)).where(reached.c.id == goal).limit(1)
            )
        )

    async def edges_from(self, kind: RelationKind, start: int) -> list[tuple[str, str]]:
        """Return the relations of `kind` that can be followed from `start`, as pairs of keys."""
        reached = self._reached(kind, start)
        one, other = tickets.alias("one"), tickets.alias("other")
        rows = await self._connection.execute(
            select(one.c.key, other.c.key)
            .select_from(ticket_relations)
            .join(reached, reached.c.id == ticket_relations.c.ticket_id)
            .join(one, one.c.id == ticket_relations.c.ticket_id)
            .join(other, other.c.id == ticket_relations.c.other_id)
            .where(ticket_relations.c.kind == kind.value)
        )
        return [(row[0], row[1]) for row in rows]

    def _reached(self, kind: RelationKind, start: int) -> Any:
        # UNION, not UNION ALL: each ticket is visited once, however many ways lead to it.
        reached = select(literal(start, ticket_relations.c.ticket_id.type).label("id")).cte(
            "reached", recursive=True
        )
        onward = select(ticket_relations.c.other_id).join(
            reached, reached.c.id == ticket_relations.c.ticket_id
        )
        return reached.union(onward.where(ticket_relations.c.kind == kind.value))


def _is(mine: int, theirs: int, kind: str) -> ColumnElement[bool]:
    columns = ticket_relations.c
    return (columns.ticket_id == mine) & (columns.other_id == theirs) & (columns.kind == kind)


def _stored(ticket_id: int, other_id: int, kind: RelationKind) -> tuple[int, int, str]:
    """Return (ticket, other, kind) in the direction that is stored."""
    if kind is RelationKind.RELATED:
        return min(ticket_id, other_id), max(ticket_id, other_id), kind.value
    if kind.is_stored:
        return ticket_id, other_id, kind.value
    return other_id, ticket_id, kind.inverse.value
