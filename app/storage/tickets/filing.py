"""Filing tickets: a key of its own, and the ticket with all its parts by one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain import keys
from app.domain.accounts import Account, Actor
from app.domain.evidence import EvidenceState
from app.domain.tickets import Ticket, TicketDraft
from app.errors import AlreadyTaken
from app.schema.tickets import (
    key_counters,
    tickets,
)
from app.storage.commits import mark_unknown_commits
from app.storage.prepared import Prepared
from app.storage.store import Store
from app.storage.tickets.filing_many import NewTicket, adding_many, rows_as_json
from app.storage.tickets.new import ADD, ADD_MINTED, COLUMNS, alone, parameters, parts_of, values_of


@dataclass(frozen=True)
class KeyFacts:
    """A key for a new ticket, and what is known of the ticket before it is there."""

    key: str
    covered: tuple[str, ...]
    """Domains that its target covers."""
    linked: int
    """Tests whose markers name the key."""


@dataclass(frozen=True)
class AddedTicket:
    """A new ticket."""

    id: int
    awaited: bool
    """Documents named its key before it was there."""
    alone: Ticket
    """It, as it is while no relation and no marker of a test speaks of it."""


_MINT = Prepared(
    lambda: text("""
WITH minted AS (
    INSERT INTO key_counters AS counter (batch, code, last)
    SELECT CAST(:batch AS integer), code, 1
    FROM specialists WHERE name = CAST(:agent AS text) AND NOT imported
    ON CONFLICT (batch, code) DO UPDATE SET last = counter.last + 1
    RETURNING code, last
)
SELECT code, last,
    ARRAY(
        SELECT finding FROM tests, unnest(findings) AS finding
        WHERE starts_with(finding, 'B' || CAST(:batch AS integer) || '-' || code || '-')
    ) AS claimed,
    coalesce((SELECT domains FROM targets WHERE name = CAST(:target AS text)), '{}') AS covered
FROM minted
""")
)
"""The next number of a specialist's counter, and the keys of it that the suite's markers claim."""

_KNOWN_OF = Prepared(
    lambda: text("""
SELECT coalesce((SELECT domains FROM targets WHERE name = CAST(:target AS text)), '{}') AS covered,
    (SELECT count(*) FROM tests WHERE findings @> ARRAY[CAST(:key AS text)]) AS linked
""")
)


class FilingStore(Store):
    """New tickets."""

    async def mint_key(self, batch: int, agent: str, domains: Sequence[str]) -> KeyFacts | None:
        """Return the next key of a specialist in a batch; None when there is no such specialist.

        The counter row is locked until the transaction ends, so that two filings never get the
        same key and a rollback leaves no gap. Keys that the suite's markers claim are skipped.
        """
        row = await _MINT.row(
            self._connection, batch=batch, agent=agent, target=self._context.placement.of(domains)
        )
        if row is None:
            return None
        number, claimed = row.last, frozenset(row.claimed)
        while keys.mint(batch, row.code, number) in claimed:
            number += 1
        if number != row.last:
            await self._connection.execute(
                key_counters.update()
                .where(key_counters.c.batch == batch, key_counters.c.code == row.code)
                .values(last=number)
            )
        return KeyFacts(keys.mint(batch, row.code, number), tuple(row.covered), linked=0)

    async def note_key(self, key: str) -> None:
        """Move the counter of an explicitly given key on, so that it is never minted again."""
        parts = keys.minted_parts(key)
        if parts is None or parts[0] > 2**31 - 1:
            return
        batch, code, number = parts
        statement = upsert(key_counters).values(batch=batch, code=code, last=number)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[key_counters.c.batch, key_counters.c.code],
                set_={"last": func.greatest(key_counters.c.last, statement.excluded.last)},
            )
        )

    async def known_of(self, key: str, domains: Sequence[str]) -> KeyFacts:
        """Return what is known of a ticket that is to have a given key."""
        target = self._context.placement.of(domains)
        (row,) = await _KNOWN_OF.rows(self._connection, key=key, target=target)
        return KeyFacts(key, tuple(row.covered), row.linked)

    async def lock_counters(self, wanted: Sequence[tuple[int, str]]) -> None:
        """Lock the counters of several (batch, code) in the order given, until the end."""
        for batch, code in wanted:
            await self._connection.execute(
                upsert(key_counters)
                .values(batch=batch, code=code)
                .on_conflict_do_update(
                    index_elements=[key_counters.c.batch, key_counters.c.code],
                    set_={"last": key_counters.c.last},
                )
            )

    async def add(
        self,
        draft: TicketDraft,
        key: str,
        actor: Actor,
        state: EvidenceState,
        *,
        action: str | None,
        past: Mapping[str, Any] = MappingProxyType({}),
    ) -> AddedTicket:
        """Add a ticket with its parts and its first audit event, without relations.

        Args:
            draft: what it says.
            key: under which it is known.
            actor: who files it.
            state: what is known of it by running something.
            action: of the audit event; with None the caller records it.
            past: columns beyond those of a draft, of a ticket that has a past.

        Raises:
            AlreadyTaken: the key or the author's external reference is in use.
        """
        target = self._context.placement.of(draft.domains)
        parts = parts_of(draft, self._context.book, target)
        row = await ADD.row(
            self._connection,
            **parameters(
                draft, parts, actor, target, key=key, state=state, action=action, past=past
            ),
        )
        if row is None:
            raise await self._taken(draft, key, actor.account)
        if past.get("commits"):
            await mark_unknown_commits(
                self._connection, self._context.placement, row.id, target, past["commits"]
            )
        return AddedTicket(
            row.id, row.awaited, alone(row, actor.account, parts, self._context.gate)
        )

    async def add_next(self, draft: TicketDraft, actor: Actor) -> Ticket | None:
        """Add a ticket under the next key of its batch and agent, and return it.

        All of it is one statement. None, and nothing done, where that does not do: for an agent
        that is no specialist, and where tests or documents speak of such keys already.

        Args:
            draft: without a key, relations and an external reference.
            actor: who files it.
        """
        target = self._context.placement.of(draft.domains)
        parts = parts_of(draft, self._context.book, target)
        row = await ADD_MINTED.row(
            self._connection,
            **parameters(
                draft, parts, actor, target, key=None, state=None, action="ticket.filed", past={}
            ),
        )
        return None if row is None else alone(row, actor.account, parts, self._context.gate)

    async def add_many(
        self, new: Sequence[NewTicket], actor: Actor, *, action: str
    ) -> dict[str, int]:
        """Add tickets without relations by one statement; return their ids by their keys.

        Raises:
            AlreadyTaken: a key is in use.
        """
        if not new:
            return {}
        rows = [self._row(one, actor.account) for one in new]
        found = await self._connection.execute(
            adding_many(tuple(COLUMNS)),
            {
                "rows": rows_as_json(rows),
                "actor": actor.account.id,
                "action": action,
                "request": actor.request_id,
            },
        )
        ids = {row.key: row.id for row in found}
        for one in new:
            if one.key not in ids:
                raise await self._taken(one.draft, one.key, actor.account)
        return ids

    def _row(self, one: NewTicket, author: Account) -> dict[str, Any]:
        target = self._context.placement.of(one.draft.domains)
        return {
            **values_of(one.draft, one.key, author, one.state, target),
            **parts_of(one.draft, self._context.book, target),
            "changes": {"key": [None, one.key], "title": [None, one.draft.title]},
        }

    async def _taken(self, draft: TicketDraft, key: str, author: Account) -> AlreadyTaken:
        query = select(tickets.c.key)
        if await self._connection.scalar(query.where(tickets.c.key == key)):
            return AlreadyTaken(f"There is already a ticket {key}.", extra={"key": key})
        other = await self._connection.scalar(
            query.where(
                tickets.c.created_by == author.id,
                tickets.c.external_ref == draft.external_ref,
            )
        )
        return AlreadyTaken(
            f"You have already filed {draft.external_ref!r} as {other}.",
            extra={"key": other, "external_ref": draft.external_ref},
        )
