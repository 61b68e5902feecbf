"""Lists of tickets: filters, orders and keyset pages."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.tickets import TicketSummary
from app.schema.accounts import accounts
from app.schema.reviews import reviews
from app.schema.tickets import tickets
from app.storage.drift import drifted
from app.storage.readiness import closable, objected_to
from app.storage.search import query_of
from app.storage.ticket_search import looked_up, ordered, some, walked

COUNT_LIMIT = 1000
"""Totals are exact up to here; counting on would cost more than the page itself."""


@dataclass(frozen=True)
class TicketFilter:
    """What a list is narrowed to: OR within a field, AND between fields."""

    severity: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    resolution: tuple[str, ...] = ()
    batch: tuple[int, ...] = ()
    agent: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    """A domain stands for itself and everything below it."""
    category: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    """Has a current review with this verdict."""
    reviewer: tuple[str, ...] = ()
    """Has a current review of this specialist; with `verdict` one that says so."""
    evidence: tuple[str, ...] = ()
    stale: bool | None = None
    assignee: tuple[str, ...] = ()
    created_by: tuple[str, ...] = ()
    closable: bool | None = None
    """Nothing but the step itself is missing to close it as ``fixed``."""
    objected: bool | None = None
    """A current objection waits for its answer."""
    drift: bool | None = None
    """The folder of its document and its status disagree."""
    q: str | None = None


@dataclass(frozen=True)
class Order:
    """An order of lists: its columns, each with the way it runs."""

    columns: tuple[tuple[str, bool], ...]
    """(column, descending)."""


ORDERS: Mapping[str, Order] = {
    "-created": Order((("created_at", True), ("id", True))),
    "created": Order((("created_at", False), ("id", False))),
    "-updated": Order((("updated_at", True), ("id", True))),
    "severity": Order((("severity", False), ("id", False))),
    "key": Order((("sort_key", False), ("id", False))),
}


@dataclass(frozen=True)
class TicketPage:
    """One page of a list."""

    items: tuple[TicketSummary, ...]
    next_position: tuple[Any, ...] | None
    """Where the next page starts, or None on the last one."""


class TicketListStore:
    """Lists of tickets."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(
        self, wanted: TicketFilter, order: str, *, after: tuple[Any, ...] | None, limit: int
    ) -> TicketPage:
        """Return the page of `limit` tickets that starts behind the position `after`."""
        rule = ORDERS[order]
        start = [] if after is None else [_behind(rule, after)]
        every = [*conditions(wanted), *start]
        if wanted.q is None:
            query = ordered(summaries().where(*every), tickets, rule.columns)
            rows = (await self._connection.execute(query.limit(limit + 1))).all()
        else:
            along = [*start, *_on_the_way(wanted, order)]
            query = walked(summaries(), every, along, rule.columns, limit + 1)
            rows = (await self._connection.execute(query)).all()
            if len(rows) <= limit:
                query = looked_up(summaries(), every, rule.columns, limit + 1)
                rows = (await self._connection.execute(query)).all()
        shown = rows[:limit]
        position = None
        if len(rows) > limit:
            position = tuple(getattr(shown[-1], f"at_{name}") for name, _ in rule.columns)
        return TicketPage(tuple(summary_from(row) for row in shown), position)

    async def keys(self, wanted: TicketFilter, *, limit: int) -> list[str]:
        """Return the keys of at most `limit` tickets, in natural order."""
        query = select(tickets.c.key).where(*conditions(wanted)).order_by(tickets.c.sort_key)
        return list(await self._connection.scalars(query.limit(limit)))

    async def count(self, wanted: TicketFilter) -> tuple[int, bool]:
        """Return how many tickets there are, and whether that is exact."""
        if wanted.q is None:
            bounded = select(literal(1)).select_from(tickets).where(*conditions(wanted))
            inner = bounded.limit(COUNT_LIMIT + 1).subquery()
        else:
            inner = some(conditions(wanted), COUNT_LIMIT + 1).subquery()
        total = int(await self._connection.scalar(select(func.count()).select_from(inner)) or 0)
        return min(total, COUNT_LIMIT), total <= COUNT_LIMIT


_IN_ORDER_OF_CREATION = {
    "batch": "batch",
    "agent": "agent",
    "evidence": "evidence_state",
    "status": "status",
    "severity": "severity",
}
"""Filters with an index of their own in the order of creation, the most selective first."""


def _on_the_way(wanted: TicketFilter, order: str) -> list[ColumnElement[bool]]:
    if order == "-created":
        for name, column in _IN_ORDER_OF_CREATION.items():
            values = getattr(wanted, name)
            if len(values) == 1:
                return [tickets.c[column] == values[0]]
    return []


def _behind(rule: Order, after: tuple[Any, ...]) -> ColumnElement[bool]:
    columns = tuple_(*(tickets.c[name] for name, _ in rule.columns))
    values = tuple_(
        *(
            literal(_revived(name, value), tickets.c[name].type)
            for (name, _), value in zip(rule.columns, after, strict=True)
        )
    )
    return columns < values if rule.columns[0][1] else columns > values


def _revived(name: str, value: Any) -> Any:
    return (
        datetime.fromisoformat(value) if name.endswith("_at") and isinstance(value, str) else value
    )


def conditions(wanted: TicketFilter) -> list[ColumnElement[bool]]:
    """Return the conditions that `wanted` stands for."""
    columns = tickets.c
    found: list[ColumnElement[bool]] = []
    for name in ("severity", "status", "resolution", "batch", "agent", "assignee"):
        values = getattr(wanted, name)
        if values:
            found.append(columns[name].in_(values))
    if wanted.evidence:
        found.append(columns.evidence_state.in_(wanted.evidence))
    if wanted.stale is not None:
        found.append(columns.evidence_stale.is_(wanted.stale))
    if wanted.closable is not None:
        found.append(closable() if wanted.closable else ~closable())
    if wanted.objected is not None:
        found.append(objected_to() if wanted.objected else ~objected_to())
    if wanted.drift is not None:
        found.append(drifted() if wanted.drift else ~drifted())
    if wanted.domain:
        found.append(columns.domain_paths.overlap(list(wanted.domain)))
    if wanted.category:
        found.append(columns.categories.overlap(list(wanted.category)))
    if wanted.created_by:
        authors = select(accounts.c.id).where(accounts.c.name.in_(wanted.created_by))
        found.append(columns.created_by.in_(authors))
    if wanted.verdict or wanted.reviewer:
        found.append(_has_review(wanted.verdict, wanted.reviewer))
    if wanted.q:
        found.append(columns.search.bool_op("@@")(query_of(wanted.q)))
    return found


def _has_review(verdicts: tuple[str, ...], specialists: tuple[str, ...]) -> ColumnElement[bool]:
    columns = reviews.c
    wanted = [
        or_(*(column == value for value in values))
        for column, values in ((columns.verdict, verdicts), (columns.specialist, specialists))
        if values
    ]
    return exists().where(
        and_(columns.ticket_id == tickets.c.id, columns.superseded_by.is_(None), *wanted)
    )


@functools.cache
def summaries() -> Select[Any]:
    """Return the statement that reads tickets as lists show them, for conditions to follow."""
    columns = tickets.c
    author = accounts.alias("author")
    verdicts = (
        select(
            type_coerce(
                func.coalesce(
                    func.json_agg(
                        func.json_build_object(
                            "verdict",
                            reviews.c.verdict,
                            "outdated",
                            reviews.c.content_version < columns.content_version,
                            "answered",
                            reviews.c.answer.is_not(None),
                        )
                    ),
                    func.json_build_array(),
                ),
                JSONB,
            )
        )
        .where(reviews.c.ticket_id == columns.id, reviews.c.superseded_by.is_(None))
        .correlate(tickets)
        .scalar_subquery()
    )
    shown = [
        "key",
        "title",
        "severity",
        "status",
        "resolution",
        "batch",
        "agent",
        "summary",
        "domains",
        "categories",
        "assignee",
        "evidence_state",
        "evidence_stale",
        "version",
        "created_at",
        "updated_at",
    ]
    positions = {name for rule in ORDERS.values() for name, _ in rule.columns}
    return select(
        *(columns[name] for name in shown),
        *(columns[name].label(f"at_{name}") for name in sorted(positions)),
        author.c.name.label("author"),
        verdicts.label("verdicts"),
    ).join(author, author.c.id == columns.created_by)


def summary_from(row: Row[Any]) -> TicketSummary:
    """Build what lists show of a ticket from a row of `summaries`."""
    counts = dict.fromkeys(("ENDORSE", "NEUTRAL", "REFINE", "OBJECT"), 0)
    outdated = objections = 0
    for review in row.verdicts:
        objections += review["verdict"] == "OBJECT" and not review["answered"]
        if review["outdated"]:
            outdated += 1
        elif review["verdict"] in counts:
            counts[review["verdict"]] += 1
    return TicketSummary(
        key=row.key,
        title=row.title,
        severity=row.severity,
        status=row.status,
        resolution=row.resolution,
        batch=row.batch,
        agent=row.agent,
        summary=row.summary,
        domains=tuple(row.domains),
        categories=tuple(row.categories),
        assignee=row.assignee,
        evidence={"state": row.evidence_state, "stale": row.evidence_stale},
        consensus={**counts, "outdated": outdated, "open_objections": objections},
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        created_by=row.author,
    )
