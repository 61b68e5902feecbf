"""Audit events of all tickets, in an order in which a reader who goes on misses nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Subquery,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)

from app.domain.accounts import Account
from app.domain.audit import Changes, EventId
from app.domain.sight import Sight
from app.schema.accounts import accounts
from app.schema.audit import Xid8, audit_events
from app.schema.reviews import reviews
from app.schema.tickets import tickets
from app.storage.audit import event_columns, event_from, tells_nothing_hidden
from app.storage.store import Store

_WINDOW = 2000
"""So many events are looked at for those of one account; a page may end without any."""

_HORIZON: ColumnElement[str] = literal_column(
    "pg_snapshot_xmin(pg_current_snapshot())", type_=Xid8()
)
"""The oldest transaction that still runs. Those below it have all ended, so nothing can appear
among their events any more; events above it wait until it has."""


class ChangeStore(Store):
    """Changes to tickets."""

    async def page(
        self, after: EventId, *, limit: int, mine: Account | None, sight: Sight | None
    ) -> Changes:
        """Return events behind `after`, oldest first, as far as nothing can come in between.

        Args:
            after: where the reader is.
            limit: the most events to return.
            mine: only events of tickets that this account filed, is assigned to or reviewed.
            sight: what is hidden from the reader, and left out.
        """
        size = limit + 1 if mine is None and sight is None else _WINDOW
        window = _window(after, size)
        wanted = literal(True) if mine is None else _concerns(mine)
        if sight is not None:
            wanted = and_(wanted, tells_nothing_hidden(window, sight))
        columns: list[Any] = [
            *event_columns(window, sight),
            wanted.label("wanted"),
            window.c.looked_at,
        ]
        rows = (
            await self._connection.execute(
                select(*columns)
                .select_from(window)
                .join(tickets, tickets.c.id == window.c.ticket_id)
                .outerjoin(accounts, accounts.c.id == window.c.actor_id)
                .where(or_(wanted, window.c.is_last))
                .order_by(window.c.xid, window.c.id)
                .limit(limit + 1)
            )
        ).all()
        if not rows:
            return Changes((), after, more=False)
        events = [event_from(row) for row in rows]
        shown = tuple(e for e, row in zip(events, rows, strict=True) if row.wanted)[:limit]
        if len(rows) > limit and rows[limit].wanted:
            return Changes(shown, shown[-1].id, more=True)
        return Changes(shown, events[-1].id, more=rows[-1].looked_at == size)

    async def newest(self) -> EventId:
        """Return the id behind which all events lie that are yet to be given."""
        horizon = await self._connection.scalar(select(cast(_HORIZON, Text)))
        return EventId(int(str(horizon)), 0)

    async def held_back(self) -> bool:
        """Tell whether events wait for an older transaction to end."""
        waiting = exists().where(audit_events.c.xid >= _HORIZON)
        return bool(await self._connection.scalar(select(waiting)))


def _window(after: EventId, size: int) -> Subquery:
    events = audit_events.c
    position = tuple_(
        cast(literal(str(after.xid), Text), Xid8()), literal(after.number, events.id.type)
    )
    cut = (
        select(audit_events)
        .where(
            events.ticket_id.is_not(None),
            tuple_(events.xid, events.id) > position,
            events.xid < _HORIZON,
        )
        .order_by(events.xid, events.id)
        .limit(size)
        .subquery("cut")
    )
    order = (cut.c.xid, cut.c.id)
    return select(
        cut,
        func.lead(cut.c.id).over(order_by=order).is_(None).label("is_last"),
        func.count().over().cast(Integer).label("looked_at"),
    ).subquery("seen")


def _concerns(account: Account) -> ColumnElement[bool]:
    reviewed = exists().where(
        and_(reviews.c.ticket_id == tickets.c.id, reviews.c.author_id == account.id)
    )
    return or_(tickets.c.created_by == account.id, tickets.c.assignee == account.name, reviewed)
