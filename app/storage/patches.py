"""Patches of tickets: texts by digest, and which ticket uses which under what name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.accounts import Account
from app.domain.diffs import digest as digest_of
from app.schema.accounts import accounts
from app.schema.verification import texts, ticket_patches
from app.storage.prepared import Prepared
from app.storage.store import Store


@dataclass(frozen=True)
class StoredPatch:
    """A patch of a ticket with its text."""

    ticket_id: int
    name: str
    digest: str
    applies: str
    text: str
    author: str


def _select_patches() -> Select[Any]:
    return (
        select(
            ticket_patches.c.ticket_id,
            ticket_patches.c.name,
            ticket_patches.c.digest,
            ticket_patches.c.applies,
            texts.c.text,
            accounts.c.name.label("author"),
        )
        .join(texts, texts.c.digest == ticket_patches.c.digest)
        .join(accounts, accounts.c.id == ticket_patches.c.author_id)
        .order_by(ticket_patches.c.ticket_id, ticket_patches.c.name)
    )


_OF_TICKET = Prepared(
    lambda: _select_patches().where(
        ticket_patches.c.ticket_id == bindparam("wanted_ticket", type_=BigInteger)
    )
)


class PatchStore(Store):
    """Patches of tickets."""

    async def put(
        self,
        ticket_id: int,
        target: str,
        name: str,
        *,
        digest: str,
        text: str,
        applies: str,
        author: Account,
    ) -> str | None:
        """Make `text` the patch `name` of a ticket and return the digest it replaces, if any."""
        previous = await self._connection.scalar(
            select(ticket_patches.c.digest).where(
                ticket_patches.c.ticket_id == ticket_id, ticket_patches.c.name == name
            )
        )
        await self._connection.execute(
            upsert(texts).values(digest=digest, text=text).on_conflict_do_nothing()
        )
        statement = upsert(ticket_patches).values(
            ticket_id=ticket_id,
            name=name,
            target=target,
            digest=digest,
            applies=applies,
            author_id=author.id,
        )
        new = statement.excluded
        await self._connection.execute(
            statement.on_conflict_do_update(
                constraint="pk_ticket_patches",
                set_={
                    "digest": new.digest,
                    "applies": new.applies,
                    "author_id": new.author_id,
                    "created_at": new.created_at,
                },
            )
        )
        return previous

    async def keep(self, text: str) -> None:
        """Keep a text that no ticket names, for runs that use it."""
        await self._connection.execute(
            upsert(texts).values(digest=digest_of(text), text=text).on_conflict_do_nothing()
        )

    async def remove(self, ticket_id: int, name: str) -> str | None:
        """Take a patch off a ticket and return its digest; its text stays for old runs."""
        return await self._connection.scalar(
            delete(ticket_patches)
            .where(ticket_patches.c.ticket_id == ticket_id, ticket_patches.c.name == name)
            .returning(ticket_patches.c.digest)
        )

    async def of_ticket(self, ticket_id: int) -> list[StoredPatch]:
        """Return the patches of a ticket in the order of their names."""
        rows = await _OF_TICKET.rows(self._connection, wanted_ticket=ticket_id)
        return [StoredPatch(*row) for row in rows]

    async def of_target(self, target: str) -> list[StoredPatch]:
        """Return all patches against a target."""
        rows = await self._connection.execute(
            _select_patches().where(ticket_patches.c.target == target)
        )
        return [StoredPatch(*row) for row in rows]

    async def mark_applies(self, patches: Sequence[tuple[StoredPatch, str]]) -> None:
        """Record how patches apply to the bundled package of now."""
        for patch, applies in patches:
            await self._connection.execute(
                update(ticket_patches)
                .where(
                    ticket_patches.c.ticket_id == patch.ticket_id,
                    ticket_patches.c.name == patch.name,
                )
                .values(applies=applies)
            )

    async def texts_of(self, digests: Sequence[str]) -> dict[str, str]:
        """Return the texts stored under `digests`."""
        rows = await self._connection.execute(
            select(texts.c.digest, texts.c.text).where(texts.c.digest.in_(digests))
        )
        return {row.digest: row.text for row in rows}
