"""Lists of tickets: filters, orders and keyset pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, literal, select

from app.domain.filters import TicketFilter
from app.domain.tickets import TicketSummary
from app.schema.tickets import tickets
from app.storage.store import Store
from app.storage.tickets.filters import conditions, form_of, under, values_of
from app.storage.tickets.pages import (
    IN_ORDER,
    LOOKED_UP,
    NOTHING_KNOWN,
    ORDERS,
    WALKED,
    Expectation,
    PageShape,
    bounds_of,
    is_in_order,
    position_of,
    summary_from,
)
from app.storage.tickets.search import some

COUNT_LIMIT = 1000
"""Totals are exact up to here; counting on would cost more than the page itself."""


@dataclass(frozen=True)
class TicketPage:
    """One page of a list."""

    items: tuple[TicketSummary, ...]
    next_position: tuple[Any, ...] | None
    """Where the next page starts, or None on the last one."""


class TicketListStore(Store):
    """Lists of tickets."""

    async def page(
        self,
        wanted: TicketFilter,
        order: str,
        *,
        after: tuple[Any, ...] | None,
        limit: int,
        expected: Expectation = NOTHING_KNOWN,
    ) -> TicketPage:
        """Return the page of `limit` tickets that starts behind the position `after`.

        Args:
            wanted: what the list is narrowed to.
            order: a key of `ORDERS`.
            after: the position of the last ticket on the page before.
            limit: the most on the page.
            expected: which way is probably the shortest.
        """
        wanted = under(self._context.gate, wanted)
        rule = ORDERS[order]
        values = {**values_of(wanted), **({} if after is None else position_of(rule, after))}
        shape = PageShape(form_of(wanted), order, after is not None, limit + 1)
        bounds = {} if expected.until is None else bounds_of(rule, after, expected.until)
        if expected.telling is not None:
            shape = replace(shape, telling=True)
            values["telling"] = expected.telling
        rows = await self._rows(wanted, shape, values, expected.walk, bounds)
        shown = rows[:limit]
        position = None
        if len(rows) > limit:
            position = tuple(getattr(shown[-1], name) for name, _ in rule.columns)
        return TicketPage(tuple(map(summary_from, shown)), position)

    async def _rows(
        self,
        wanted: TicketFilter,
        shape: PageShape,
        values: dict[str, Any],
        walk: int,
        bounds: dict[str, Any],
    ) -> list[Any]:
        """Return the rows of a page, by one way after the other until it is full."""
        if is_in_order(wanted, shape.order):
            return await IN_ORDER.of(shape).rows(self._connection, **values)
        if walk:
            walked = WALKED.of(replace(shape, walk=walk, telling=False))
            rows = await walked.rows(self._connection, **values)
            if len(rows) == shape.rows:
                return rows
        if bounds:
            bounded = LOOKED_UP.of(replace(shape, ends=True))
            rows = await bounded.rows(self._connection, **values, **bounds)
            if len(rows) == shape.rows:
                return rows
        return await LOOKED_UP.of(shape).rows(self._connection, **values)

    async def keys(self, wanted: TicketFilter, *, limit: int) -> list[str]:
        """Return the keys of at most `limit` tickets, in natural order."""
        chosen = conditions(under(self._context.gate, wanted))
        query = select(tickets.c.key).where(*chosen).order_by(tickets.c.sort_key)
        return list(await self._connection.scalars(query.limit(limit)))

    async def count(self, wanted: TicketFilter) -> tuple[int, bool]:
        """Return how many tickets there are, and whether that is exact."""
        wanted = under(self._context.gate, wanted)
        if wanted.q is None:
            bounded = select(literal(1)).select_from(tickets).where(*conditions(wanted))
            inner = bounded.limit(COUNT_LIMIT + 1).subquery()
        else:
            inner = some(conditions(wanted), COUNT_LIMIT + 1).subquery()
        total = int(await self._connection.scalar(select(func.count()).select_from(inner)) or 0)
        return min(total, COUNT_LIMIT), total <= COUNT_LIMIT
