"""Audit events, written in the transaction of the change they tell of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.accounts import Actor
from app.domain.audit import AuditEvent
from app.schema.accounts import accounts
from app.schema.audit import audit_events


class AuditStore:
    """The record of who changed what."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(
        self,
        actor: Actor | None,
        action: str,
        *,
        ticket_id: int | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """Record that `actor` did `action`; None stands for the service itself."""
        await self._connection.execute(
            insert(audit_events).values(
                ticket_id=ticket_id,
                actor_id=None if actor is None else actor.account.id,
                action=action,
                changes=dict(changes or {}),
                request_id=None if actor is None else actor.request_id,
            )
        )

    async def of_ticket(self, ticket_id: int, *, after: int, limit: int) -> list[AuditEvent]:
        """Return events of a ticket in order, from the one behind `after`."""
        rows = await self._connection.execute(
            select(
                audit_events.c.id,
                audit_events.c.at,
                accounts.c.name.label("actor"),
                audit_events.c.action,
                audit_events.c.changes,
                audit_events.c.request_id,
            )
            .outerjoin_from(audit_events, accounts, accounts.c.id == audit_events.c.actor_id)
            .where(audit_events.c.ticket_id == ticket_id, audit_events.c.id > after)
            .order_by(audit_events.c.id)
            .limit(limit)
        )
        return [AuditEvent(**row._mapping) for row in rows]
