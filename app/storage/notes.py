"""Notes on tickets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Integer, bindparam, delete, insert, select

from app.domain.accounts import Account
from app.domain.notes import Note
from app.schema.accounts import accounts
from app.schema.tickets import notes
from app.storage.prepared import Prepared
from app.storage.rows import new_id
from app.storage.store import Store

_NOTES = (
    select(notes.c.id, accounts.c.name, notes.c.body, notes.c.created_at)
    .join(accounts, accounts.c.id == notes.c.author_id)
    .order_by(notes.c.id)
)
_FIRST = Prepared(
    lambda: _NOTES.where(notes.c.ticket_id == bindparam("wanted_ticket", type_=BigInteger)).limit(
        bindparam("most", type_=Integer)
    )
)


class NoteStore(Store):
    """Notes on tickets."""

    async def add(self, ticket_id: int, author: Account, body: str) -> Note:
        """Add a note."""
        row = (
            await self._connection.execute(
                insert(notes)
                .values(id=new_id(), ticket_id=ticket_id, author_id=author.id, body=body)
                .returning(notes.c.id, notes.c.created_at)
            )
        ).one()
        return Note(id=row.id, author=author.name, body=body, created_at=row.created_at)

    async def remove(self, ticket_id: int, note_id: UUID) -> Note | None:
        """Remove a note and return it; None where the ticket has none of this id."""
        gone = (
            delete(notes)
            .where(notes.c.ticket_id == ticket_id, notes.c.id == note_id)
            .returning(notes.c.id, notes.c.author_id, notes.c.body, notes.c.created_at)
            .cte("gone")
        )
        query = select(gone.c.id, accounts.c.name, gone.c.body, gone.c.created_at)
        row = (
            await self._connection.execute(query.join(accounts, accounts.c.id == gone.c.author_id))
        ).one_or_none()
        if row is None:
            return None
        return Note(id=row.id, author=row.name, body=row.body, created_at=row.created_at)

    async def of_ticket(self, ticket_id: int, *, after: UUID | None, limit: int) -> list[Note]:
        """Return notes of a ticket, oldest first, from the one behind `after`."""
        rows: Iterable[Any]
        if after is None:
            rows = await _FIRST.rows(self._connection, wanted_ticket=ticket_id, most=limit)
        else:
            query = _NOTES.where(notes.c.ticket_id == ticket_id, notes.c.id > after)
            rows = await self._connection.execute(query.limit(limit))
        return [
            Note(id=row.id, author=row.name, body=row.body, created_at=row.created_at)
            for row in rows
        ]
