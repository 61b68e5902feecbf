"""Rows that were removed a moment ago, kept as they were, so that they can be put back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, delete, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from app.domain.accounts import Account
from app.domain.undo import TAKEN_BACK_FOR, PartKind
from app.schema.removed import removed_parts
from app.schema.tickets import notes
from app.schema.verification import submitted_tests, test_links, ticket_patches
from app.storage.rows import new_id
from app.storage.store import Store

_TABLES: Mapping[PartKind, tuple[Table, str]] = {
    PartKind.PATCH: (ticket_patches, "name"),
    PartKind.TEST: (test_links, "id"),
    PartKind.FILE: (submitted_tests, "id"),
    PartKind.NOTE: (notes, "id"),
}
"""Where each kind of part lies, and what names one of a ticket."""

_KEPT_FOR = timedelta(minutes=5)


class RemovedStore(Store):
    """Parts of tickets that were removed a moment ago."""

    async def keep(self, kind: PartKind, ticket_id: int, name: Any, actor: Account) -> None:
        """Keep a part of a ticket that is about to be removed; none is kept where there is none.

        Args:
            kind: of the part.
            ticket_id: the ticket's.
            name: a patch's name, or the id of anything else.
            actor: who removes it.
        """
        table, named_by = _TABLES[kind]
        await self._connection.execute(
            delete(removed_parts).where(removed_parts.c.removed_at < func.now() - _KEPT_FOR)
        )
        row: ColumnElement[Any] = func.to_jsonb(text(table.name), type_=JSONB)
        found = select(
            literal(new_id()), literal(ticket_id), literal(actor.id), literal(kind.value), row
        ).select_from(table)
        await self._connection.execute(
            insert(removed_parts).from_select(
                ["id", "ticket_id", "account_id", "kind", "part"],
                found.where(table.c.ticket_id == ticket_id, table.c[named_by] == name),
            )
        )

    async def take_back(self, ticket_id: int, actor: Account) -> tuple[PartKind, Any] | None:
        """Return what `actor` removed last from a ticket, a moment ago, and forget it."""
        newest = (
            select(removed_parts.c.id)
            .where(
                removed_parts.c.ticket_id == ticket_id,
                removed_parts.c.account_id == actor.id,
                removed_parts.c.removed_at > func.now() - TAKEN_BACK_FOR,
            )
            .order_by(removed_parts.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        row = (
            await self._connection.execute(
                delete(removed_parts)
                .where(removed_parts.c.id == newest)
                .returning(removed_parts.c.kind, removed_parts.c.part)
            )
        ).one_or_none()
        return None if row is None else (PartKind(row.kind), row.part)

    async def put_back(self, kind: PartKind, part: Any) -> bool:
        """Put a part back as it was; False where something else has its place meanwhile."""
        name = _TABLES[kind][0].name
        query = text(
            f"INSERT INTO {name} SELECT * FROM jsonb_populate_record(NULL::{name}, :part)"  # noqa: S608  # a table's name
        ).bindparams(bindparam("part", part, JSONB))
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(query)
        except IntegrityError:
            return False
        return True
