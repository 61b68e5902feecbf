"""Tickets: add, lock, mint keys. What is shown stands in ``ticket_show``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from app.domain import keys
from app.domain.accounts import Account
from app.domain.search import search_texts
from app.domain.tickets import (
    ChecklistItem,
    Location,
    ReportReference,
    Section,
    Status,
    Ticket,
    TicketDraft,
)
from app.errors import AlreadyTaken
from app.schema.tickets import (
    checklist_items,
    key_counters,
    ticket_locations,
    ticket_sections,
    tickets,
)
from app.schema.verification import tests
from app.storage.rows import new_id
from app.storage.search import vector_of
from app.storage.ticket_show import SHOW, ticket_from


@dataclass(frozen=True)
class LockedTicket:
    """The row of a ticket that this transaction holds: nobody else changes it meanwhile."""

    id: int
    key: str
    version: int
    content_version: int
    status: Status
    created_by: UUID
    domains: tuple[str, ...]


def domain_paths(domains: Iterable[str]) -> list[str]:
    """Return the domains and all their ancestors: ``a/b`` gives ``a`` and ``a/b``."""
    paths: dict[str, None] = {}
    for domain in domains:
        parts = domain.split("/")
        for depth in range(1, len(parts) + 1):
            paths["/".join(parts[:depth])] = None
    return list(paths)


class TicketStore:
    """Tickets and their parts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def show(self, key: str) -> Ticket | None:
        """Return the ticket with everything shown with it, by one statement."""
        row = await SHOW.row(self._connection, wanted_key=key)
        return None if row is None else ticket_from(row)

    async def lock(self, key: str) -> LockedTicket | None:
        """Lock the ticket's row until the transaction ends and return it, or None."""
        columns = (
            tickets.c.id,
            tickets.c.key,
            tickets.c.version,
            tickets.c.content_version,
            tickets.c.status,
            tickets.c.created_by,
            tickets.c.domains,
        )
        # NO KEY UPDATE: others may meanwhile point at this ticket, as a new relation does.
        query = select(*columns).where(tickets.c.key == key).with_for_update(key_share=True)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return LockedTicket(
            id=row.id,
            key=row.key,
            version=row.version,
            content_version=row.content_version,
            status=Status(row.status),
            created_by=row.created_by,
            domains=tuple(row.domains),
        )

    async def ids_of(self, wanted: Iterable[str]) -> dict[str, int]:
        """Return the ids of those `wanted` keys that exist."""
        rows = await self._connection.execute(
            select(tickets.c.key, tickets.c.id).where(tickets.c.key.in_(list(wanted)))
        )
        return {row.key: row.id for row in rows}

    async def keys_of(self, ids: Iterable[int]) -> dict[int, str]:
        """Return the keys of tickets by id."""
        rows = await self._connection.execute(
            select(tickets.c.id, tickets.c.key).where(tickets.c.id.in_(list(ids)))
        )
        return {row.id: row.key for row in rows}

    async def mint_key(self, batch: int, code: str) -> str:
        """Return the next key of (batch, code).

        The counter row is locked until the transaction ends, so that two filings never get the
        same key and a rollback leaves no gap. Keys that the suite's markers claim are skipped.
        """
        counter = [key_counters.c.batch, key_counters.c.code]
        first = await self._connection.scalar(
            upsert(key_counters)
            .values(batch=batch, code=code, last=1)
            .on_conflict_do_update(index_elements=counter, set_={"last": key_counters.c.last + 1})
            .returning(key_counters.c.last)
        )
        number = int(first or 1)
        claimed = await self._claimed(batch, code)
        while keys.mint(batch, code, number) in claimed:
            number += 1
        if number != first:
            await self._connection.execute(
                key_counters.update()
                .where(key_counters.c.batch == batch, key_counters.c.code == code)
                .values(last=number)
            )
        return keys.mint(batch, code, number)

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

    async def _claimed(self, batch: int, code: str) -> set[str]:
        named = select(func.unnest(tests.c.findings).label("finding")).subquery()
        rows = await self._connection.scalars(
            select(named.c.finding).where(named.c.finding.like(f"B{batch}-{code}-%"))
        )
        return set(rows)

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

    async def add(
        self,
        draft: TicketDraft,
        key: str,
        author: Account,
        *,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> int:
        """Add a ticket with its parts, without relations, and return its id.

        Args:
            draft: what it says.
            key: under which it is known.
            author: who files it.
            more: columns beyond those of a draft, of a ticket that has a past.

        Raises:
            AlreadyTaken: the key or the author's external reference is in use.
        """
        statement = _insert_ticket(draft, key, author)
        ticket_id = await self._connection.scalar(statement.values(more) if more else statement)
        if ticket_id is None:
            raise await self._taken(draft, key, author)
        await self._add_parts(ticket_sections, ticket_id, section_rows(draft.sections))
        await self._add_parts(ticket_locations, ticket_id, location_rows(draft.locations))
        await self._add_parts(checklist_items, ticket_id, checklist_rows(draft.checklist))
        return int(ticket_id)

    async def _taken(self, draft: TicketDraft, key: str, author: Account) -> AlreadyTaken:
        if await self.ids_of([key]):
            return AlreadyTaken(f"There is already a ticket {key}.", extra={"key": key})
        other = await self._connection.scalar(
            select(tickets.c.key).where(
                tickets.c.created_by == author.id,
                tickets.c.external_ref == draft.external_ref,
            )
        )
        return AlreadyTaken(
            f"You have already filed {draft.external_ref!r} as {other}.",
            extra={"key": other, "external_ref": draft.external_ref},
        )

    async def _add_parts(
        self, table: Table, ticket_id: int, rows: Sequence[dict[str, Any]]
    ) -> None:
        if rows:
            await self._connection.execute(
                insert(table), [{"ticket_id": ticket_id, **row} for row in rows]
            )


def _insert_ticket(draft: TicketDraft, key: str, author: Account) -> ReturningInsert[int]:
    statement = upsert(tickets).values(
        key=key,
        sort_key=keys.sort_key(key),
        title=draft.title,
        severity=draft.severity.value,
        batch=draft.batch,
        agent=draft.agent,
        summary=draft.summary,
        domains=list(draft.domains),
        domain_paths=domain_paths(draft.domains),
        categories=[category.value for category in draft.categories],
        assignee=draft.assignee,
        reported_on=draft.reported_on,
        external_ref=draft.external_ref,
        reports=report_values(draft.reports),
        created_by=author.id,
        search=vector_of(
            search_texts(key, draft.title, draft.summary, draft.locations, draft.sections)
        ),
    )
    # A key or reference that is taken gives no row: cheaper than a savepoint for each filing.
    return statement.on_conflict_do_nothing().returning(tickets.c.id)


def report_values(reports: Iterable[ReportReference]) -> list[dict[str, Any]]:
    """Return report references as they are stored."""
    return [{"file": report.file, "section": report.section} for report in reports]


def section_rows(sections: Iterable[Section]) -> list[dict[str, Any]]:
    """Return sections as rows, in order; those without an id get one."""
    return [
        {"id": s.id or new_id(), "position": n, "heading": s.heading, "body": s.body}
        for n, s in enumerate(sections)
    ]


def location_rows(locations: Iterable[Location]) -> list[dict[str, Any]]:
    """Return locations as rows, in order; those without an id get one."""
    return [
        {
            "id": place.id or new_id(),
            "position": n,
            "path": place.path,
            "start_line": place.start_line,
            "end_line": place.end_line,
            "symbol": place.symbol,
            "note": place.note,
        }
        for n, place in enumerate(locations)
    ]


def checklist_rows(items: Iterable[ChecklistItem]) -> list[dict[str, Any]]:
    """Return checklist items as rows, in order; those without an id get one."""
    return [
        {"id": item.id or new_id(), "position": n, "text": item.text, "done": item.done}
        for n, item in enumerate(items)
    ]
