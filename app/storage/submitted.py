"""Tests that clients handed in."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.accounts import Account
from app.domain.runs import SubmittedFile, TestPurpose
from app.domain.submissions import SubmittedTest
from app.schema.accounts import accounts
from app.schema.tickets import tickets
from app.schema.verification import submitted_tests, texts
from app.storage.prepared import Prepared
from app.storage.rows import from_row, new_id
from app.storage.store import Store

_OF_TICKET = Prepared(
    lambda: (
        select(submitted_tests, accounts.c.name, texts.c.text)
        .join(texts, texts.c.digest == submitted_tests.c.digest)
        .join(accounts, accounts.c.id == submitted_tests.c.author_id)
        .where(submitted_tests.c.ticket_id == bindparam("wanted_ticket", type_=BigInteger))
        .order_by(submitted_tests.c.path)
    )
)


class SubmittedTestStore(Store):
    """Test files of tickets."""

    async def put(
        self,
        ticket_id: int,
        target: str,
        *,
        filename: str,
        path: str,
        digest: str,
        source: str,
        purpose: TestPurpose,
        node_ids: Sequence[str],
        author: Account,
    ) -> str | None:
        """Store a file, in the place of one of the same name; return the digest it replaces."""
        previous = await self._connection.scalar(
            select(submitted_tests.c.digest).where(
                submitted_tests.c.ticket_id == ticket_id, submitted_tests.c.path == path
            )
        )
        await self._connection.execute(
            upsert(texts).values(digest=digest, text=source).on_conflict_do_nothing()
        )
        values = {
            "filename": filename,
            "digest": digest,
            "purpose": purpose.value,
            "node_ids": list(node_ids),
            "author_id": author.id,
        }
        await self._connection.execute(
            upsert(submitted_tests)
            .values(id=new_id(), ticket_id=ticket_id, target=target, path=path, **values)
            .on_conflict_do_update(
                index_elements=[submitted_tests.c.ticket_id, submitted_tests.c.path], set_=values
            )
        )
        return previous

    async def of_ticket(self, ticket_id: int) -> list[SubmittedTest]:
        """Return the files of a ticket in the order of their paths."""
        rows = await _OF_TICKET.rows(self._connection, wanted_ticket=ticket_id)
        return [from_row(SubmittedTest, row, source=row.text, author=row.name) for row in rows]

    async def of_target(self, target: str) -> dict[str, str]:
        """Return the sources of all files of a target's tickets, by path."""
        rows = await self._connection.execute(
            select(submitted_tests.c.path, texts.c.text)
            .join(texts, texts.c.digest == submitted_tests.c.digest)
            .where(submitted_tests.c.target == target)
        )
        return {row.path: row.text for row in rows}

    async def of_others(self, target: str, ticket_id: int) -> list[SubmittedFile]:
        """Return the files of other tickets that are proven or fix-ready in force, by path."""
        in_force = tickets.c.evidence_state.in_(("proven", "fix-ready")) & ~tickets.c.evidence_stale
        rows = await self._connection.execute(
            select(submitted_tests.c.path, submitted_tests.c.digest)
            .join(tickets, tickets.c.id == submitted_tests.c.ticket_id)
            .where(
                submitted_tests.c.target == target,
                submitted_tests.c.ticket_id != ticket_id,
                in_force,
            )
            .order_by(submitted_tests.c.path)
        )
        return [SubmittedFile(row.path, row.digest) for row in rows]

    async def remove(self, ticket_id: int, submitted_id: UUID) -> str | None:
        """Remove a file; return its path, or None when there is none."""
        return await self._connection.scalar(
            delete(submitted_tests)
            .where(submitted_tests.c.ticket_id == ticket_id, submitted_tests.c.id == submitted_id)
            .returning(submitted_tests.c.path)
        )
