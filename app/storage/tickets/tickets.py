"""Tickets: lock, show; their parts as rows. New ones are added in ``filing``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.domain.tickets import (
    ChecklistItem,
    ReportReference,
    Section,
    Status,
    Ticket,
)
from app.schema.tickets import (
    tickets,
)
from app.storage.prepared import Prepared
from app.storage.rows import from_row, new_id
from app.storage.store import Store
from app.storage.tickets.show import SHOW, ticket_from


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
    target: str | None = None
    """What its domains place it with."""


_LOCK = Prepared(
    lambda: (
        select(
            tickets.c.id,
            tickets.c.key,
            tickets.c.version,
            tickets.c.content_version,
            tickets.c.status,
            tickets.c.created_by,
            tickets.c.domains,
            tickets.c.target,
        )
        .where(tickets.c.key == bindparam("key"))
        # NO KEY UPDATE: others may meanwhile point at this ticket, as a new relation does.
        .with_for_update(key_share=True)
    )
)

_TARGETS = Prepared(
    lambda: select(tickets.c.key, tickets.c.target).where(
        tickets.c.key == func.any(bindparam("wanted", type_=ARRAY(Text)))
    )
)


def domain_paths(domains: Iterable[str]) -> list[str]:
    """Return the domains and all their ancestors: ``a/b`` gives ``a`` and ``a/b``."""
    paths: dict[str, None] = {}
    for domain in domains:
        parts = domain.split("/")
        for depth in range(1, len(parts) + 1):
            paths["/".join(parts[:depth])] = None
    return list(paths)


class TicketStore(Store):
    """Tickets and their parts."""

    async def show(self, key: str) -> Ticket | None:
        """Return the ticket with everything shown with it, by one statement."""
        row = await SHOW.row(self._connection, wanted_key=key)
        return None if row is None else ticket_from(row, self._context.gate)

    async def lock(self, key: str) -> LockedTicket | None:
        """Lock the ticket's row until the transaction ends and return it, or None."""
        row = await _LOCK.row(self._connection, key=key)
        return None if row is None else from_row(LockedTicket, row)

    async def targets_of(self, wanted: Iterable[str]) -> dict[str, str | None]:
        """Return the targets of those `wanted` keys that exist."""
        rows = await _TARGETS.rows(self._connection, wanted=list(wanted))
        return {row.key: row.target for row in rows}

    async def unknown_commits_of(self, key: str) -> tuple[str, ...]:
        """Return the commits of a ticket that the repository of its target lacks."""
        query = select(tickets.c.unknown_commits).where(tickets.c.key == key)
        return tuple(await self._connection.scalar(query) or ())

    async def commits_of(self, key: str) -> tuple[str, ...]:
        """Return the commits that a ticket names; none where there is no such ticket."""
        found = await self._connection.scalar(select(tickets.c.commits).where(tickets.c.key == key))
        return tuple(found or ())

    async def ids_of(self, wanted: Iterable[str]) -> dict[str, int]:
        """Return the ids of those `wanted` keys that exist."""
        named = list(wanted)
        if not named:
            return {}
        rows = await self._connection.execute(
            select(tickets.c.key, tickets.c.id).where(tickets.c.key.in_(named))
        )
        return {row.key: row.id for row in rows}

    async def keys_of(self, ids: Iterable[int]) -> dict[int, str]:
        """Return the keys of tickets by id."""
        rows = await self._connection.execute(
            select(tickets.c.id, tickets.c.key).where(tickets.c.id.in_(list(ids)))
        )
        return {row.id: row.key for row in rows}


def report_values(reports: Iterable[ReportReference]) -> list[dict[str, Any]]:
    """Return report references as they are stored."""
    return [{"file": report.file, "section": report.section} for report in reports]


def section_rows(sections: Iterable[Section]) -> list[dict[str, Any]]:
    """Return sections as rows, in order; those without an id get one."""
    return [
        {"id": s.id or new_id(), "position": n, "heading": s.heading, "body": s.body}
        for n, s in enumerate(sections)
    ]


def checklist_rows(items: Iterable[ChecklistItem]) -> list[dict[str, Any]]:
    """Return checklist items as rows, in order; those without an id get one."""
    return [
        {"id": item.id or new_id(), "position": n, "text": item.text, "done": item.done}
        for n, item in enumerate(items)
    ]
