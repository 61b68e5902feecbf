"""Audit events, written in the transaction of the change they tell of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Text,
    and_,
    case,
    cast,
    func,
    insert,
    literal_column,
    or_,
    select,
)

from app.domain.accounts import Actor
from app.domain.audit import AuditEvent, EventId, bounded
from app.domain.order_policy import OrderRule
from app.domain.sight import Sight
from app.schema.accounts import accounts
from app.schema.audit import audit_events
from app.schema.tickets import tickets
from app.storage.prepared import Prepared, as_json, new_values
from app.storage.rows import from_row
from app.storage.sight import hidden_from
from app.storage.store import Store

_RECORD = Prepared(
    lambda: insert(audit_events).values(
        new_values(audit_events, "ticket_id", "actor_id", "action", "changes", "request_id")
    )
)


class AuditStore(Store):
    """The record of who changed what."""

    async def record(
        self,
        actor: Actor | None,
        action: str,
        *,
        ticket_id: int | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """Record that `actor` did `action`; None stands for the service itself."""
        await _RECORD.run(
            self._connection,
            new_ticket_id=ticket_id,
            new_actor_id=None if actor is None else actor.account.id,
            new_action=action,
            new_changes=as_json(bounded(changes or {})),
            new_request_id=None if actor is None else actor.request_id,
        )

    async def newest(self, ticket_id: int, sight: Sight) -> int:
        """Return the number of the newest event of a ticket that `sight` sees; 0: there is none."""
        seen = await self._connection.scalar(
            select(func.max(audit_events.c.id))
            .select_from(audit_events)
            .join(tickets, tickets.c.id == audit_events.c.ticket_id)
            .where(audit_events.c.ticket_id == ticket_id)
            .where(tells_nothing_hidden(audit_events, sight))
        )
        return seen or 0

    async def of_ticket(
        self, ticket_id: int, *, after: int, limit: int, sight: Sight | None = None
    ) -> list[AuditEvent]:
        """Return events of a ticket in order, from the one behind the number `after`.

        What is hidden from `sight` is left out.
        """
        rows = await self._connection.execute(
            select(*event_columns(audit_events, sight))
            .select_from(audit_events)
            .join(tickets, tickets.c.id == audit_events.c.ticket_id)
            .outerjoin(accounts, accounts.c.id == audit_events.c.actor_id)
            .where(audit_events.c.ticket_id == ticket_id, audit_events.c.id > after)
            .where(*([] if sight is None else [tells_nothing_hidden(audit_events, sight)]))
            .order_by(audit_events.c.id)
            .limit(limit)
        )
        return [event_from(row) for row in rows]


def event_columns(events: FromClause, sight: Sight | None) -> list[ColumnElement[Any]]:
    """Return what an event is built from, out of a table or subquery with its columns.

    The condition that it tells of no hidden verdict is asked for apart: `tells_nothing_hidden`.
    """
    changes = events.c.changes
    if sight is not None:
        # That objections were overridden says that there were some; documents come with reviews.
        less = changes.op("-")(literal_column("ARRAY['overridden', 'reviews']"))
        changes = case((hidden_from(sight), less), else_=changes).label("changes")
    return [
        events.c.id.label("number"),
        cast(events.c.xid, Text).label("xid"),
        tickets.c.key.label("ticket"),
        events.c.at,
        accounts.c.name.label("actor"),
        events.c.action,
        changes,
        events.c.request_id,
    ]


def tells_nothing_hidden(events: FromClause, sight: Sight) -> ColumnElement[bool]:
    """Return the condition that an event tells of no hidden verdict; `tickets` is joined."""
    of_others = events.c.actor_id.is_distinct_from(sight.account)
    tells = or_(
        events.c.action.like("review.%"),
        events.c.changes["rule"].contains([OrderRule.ENDORSED.value]),
    )
    return ~and_(func.coalesce(tells, False), of_others, hidden_from(sight))


def event_from(row: Row[Any]) -> AuditEvent:
    """Build an event from a row of `event_columns`."""
    return from_row(AuditEvent, row, id=EventId(int(row.xid), row.number))
