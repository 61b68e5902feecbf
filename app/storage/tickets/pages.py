"""The statements of a page of tickets, by which filters and which order it has."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.filters import TicketFilter
from app.domain.reviews import GIVEN_VERDICTS
from app.domain.tickets import TicketSummary
from app.schema.accounts import accounts
from app.schema.reviews import reviews
from app.schema.tickets import tickets
from app.storage.prepared import PreparedShapes
from app.storage.statistics import TicketStatistics, is_phrase
from app.storage.tickets.filters import Form, conditions, example_of, form_of
from app.storage.tickets.readiness import closed_without
from app.storage.tickets.search import (
    LONG_WALK,
    WALK,
    looked_up,
    number,
    ordered,
    value_of,
    walked,
)


@dataclass(frozen=True)
class Order:
    """An order of lists: its columns, each with the way it runs."""

    columns: tuple[tuple[str, bool], ...]
    """(column, descending)."""


ORDERS: Mapping[str, Order] = {
    "-created": Order((("created_at", True), ("id", True))),
    "created": Order((("created_at", False), ("id", False))),
    "-updated": Order((("updated_at", True), ("id", True))),
    "updated": Order((("updated_at", False), ("id", False))),
    "strength": Order((("strength_rank", False), ("id", False))),
} | {
    f"{sign}{word}": Order(((column, bool(sign)), ("id", bool(sign))))
    for word, column in (
        ("severity", "severity"),
        ("key", "sort_key"),
        ("title", "folded_title"),
        ("status", "status"),
        ("evidence", "evidence_state"),
        ("reviews", "reviewed"),
        ("agent", "agent"),
    )
    for sign in ("", "-")
}
"""Those by words, such as status, go by the alphabet; ``reviews`` by how many there are."""


_IN_ORDER_OF_CREATION = {
    "assignee": "assignee",
    "created_by": "created_by",
    "resolution": "resolution",
    "batch": "batch",
    "agent": "agent",
    "evidence": "evidence_state",
    "status": "status",
    "severity": "severity",
}
"""Filters with an index of their own in the order of creation, the most selective first."""

_BY_CREATION = ("-created", "created")


def is_in_order(wanted: TicketFilter, order: str) -> bool:
    """Tell whether an index has the tickets that are wanted in the order that is wanted."""
    active = dict(form_of(wanted))
    if not active:
        return True
    (name, many), *others = active.items()
    return order in _BY_CREATION and not others and name in _IN_ORDER_OF_CREATION and not many


def _on_the_way(wanted: TicketFilter, order: str) -> list[ColumnElement[bool]]:
    if order in _BY_CREATION:
        for name in _IN_ORDER_OF_CREATION:
            if len(getattr(wanted, name)) == 1:
                return conditions(TicketFilter(**{name: getattr(wanted, name)}))
    return []


@dataclass(frozen=True)
class PageShape:
    """What the text of a page's statement depends on: all but the values."""

    form: Form
    order: str
    goes_on: bool
    """It begins behind a position."""
    rows: int
    """The most; in the text, because the server plans for them."""
    walk: int = WALK
    """So many tickets are looked at, where they are walked along."""
    ends: bool = False
    """It ends at a bound of its order's first column."""
    telling: bool = False
    """The index of words is asked for some of them."""

    @property
    def rule(self) -> Order:
        """The order."""
        return ORDERS[self.order]

    @property
    def within(self) -> list[ColumnElement[bool]]:
        """The condition that the page lies between two values of its order.

        The planner is to ask the index of the order and that of the words together, and to read
        only what both name. So the values are hidden from it, of which its knowledge may be old (of
        new tickets it would expect next to none, and read them all), and a condition that seems
        costly makes it want few tickets.
        """
        if not self.ends:
            return []
        column = value_of(self.rule.columns[0][0])
        low, high = (
            select(bindparam(name, type_=column.type)).scalar_subquery() for name in ("low", "high")
        )
        return [column >= low, column <= high, func.asked_of_few(tickets.c.id)]

    @property
    def start(self) -> list[ColumnElement[bool]]:
        """The condition that the page begins behind the position."""
        if not self.goes_on:
            return []
        names = [name for name, _ in self.rule.columns]
        columns = tuple_(*(value_of(name) for name in names))
        position = tuple_(*(bindparam(f"after_{n}", type_=value_of(n).type) for n in names))
        return [columns < position if self.rule.columns[0][1] else columns > position]


def _summaries_for(shape: PageShape) -> Select[Any]:
    """Return what is read of tickets, with the values of their order, which make a position."""
    read = summaries()
    more = [name for name, _ in shape.rule.columns if name not in read.selected_columns]
    return read.add_columns(*(value_of(name).label(name) for name in more))


def _in_order(shape: PageShape) -> Select[Any]:
    query = _summaries_for(shape).where(*conditions(example_of(shape.form)), *shape.start)
    return ordered(query, tickets, shape.rule.columns).limit(number(shape.rows))


def _walked(shape: PageShape) -> Select[Any]:
    every = [*conditions(example_of(shape.form)), *shape.start]
    along = [*shape.start, *_on_the_way(example_of(shape.form), shape.order)]
    return walked(_summaries_for(shape), every, along, shape.rule.columns, shape.rows, shape.walk)


def _looked_up(shape: PageShape) -> Select[Any]:
    asked = conditions(example_of(shape.form), telling=shape.telling)
    every = [*asked, *shape.start, *shape.within]
    return looked_up(_summaries_for(shape), every, shape.rule.columns, shape.rows)


IN_ORDER = PreparedShapes(_in_order)
WALKED = PreparedShapes(_walked)
LOOKED_UP = PreparedShapes(_looked_up)


_FREQUENT = 0.05
"""A walk of `WALK` tickets finds a page of words that so many tickets hold."""


_FEW = 400
"""So many tickets are read without asking where a page of them ends."""


@dataclass(frozen=True)
class Expectation:
    """What is expected of a search; it chooses the way to a page, and never what is on it."""

    walk: int = WALK
    """So many tickets are looked at first; 0 where they probably do not hold the words."""
    until: Any = None
    """The page probably ends before this value of its order; None when nothing is known."""
    telling: str | None = None
    """Those words of the query that few tickets hold, as a query of their own; None for all."""


NOTHING_KNOWN = Expectation()


def expectation(
    known: TicketStatistics, terms: str, order: str, after: tuple[Any, ...] | None, limit: int
) -> Expectation:
    """Return what is expected of a page of tickets that hold the terms of a query."""
    share = known.share_of(terms)
    name, descending = ORDERS[order].columns[0]
    few = share * known.tickets < _FEW
    begin = None if after is None else _revived(name, after[0])
    until = None if few else known.window(name, begin, share, limit + 1, descending=descending)
    walk = LONG_WALK if is_phrase(terms) else WALK
    return Expectation(walk if share >= _FREQUENT else 0, until, known.telling(terms, _FREQUENT))


def bounds_of(rule: Order, after: tuple[Any, ...] | None, until: Any) -> dict[str, Any]:
    """Return the parameters of a page that lies between a position and a bound."""
    name, descending = rule.columns[0]
    ends: tuple[Any, Any] = (_FIRST_TIME, _LAST_TIME) if name.endswith("_at") else ("", "\uffff")
    begin = ends[descending] if after is None else _revived(name, after[0])
    low, high = (until, begin) if descending else (begin, until)
    return {"low": low, "high": high}


_FIRST_TIME, _LAST_TIME = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def position_of(rule: Order, after: tuple[Any, ...]) -> dict[str, Any]:
    """Return the parameters of a page that begins behind a position."""
    return {
        f"after_{name}": _revived(name, value)
        for (name, _), value in zip(rule.columns, after, strict=True)
    }


def _revived(name: str, value: Any) -> Any:
    return (
        datetime.fromisoformat(value) if name.endswith("_at") and isinstance(value, str) else value
    )


_BESIDE = ("id", "sort_key", "evidence_state", "evidence_stale", "strength_rank")
"""What is part of a position, or of what is shown."""
_SHOWN = tuple(
    field.name
    for field in fields(TicketSummary)
    if field.name in tickets.c and field.name != "created_by"  # of which the name is shown
)


@functools.cache
def summaries() -> Select[Any]:
    """Return the statement that reads tickets as lists show them, for conditions to follow."""
    columns = tickets.c
    author = accounts.alias("author")
    return select(
        *(columns[name] for name in (*_BESIDE, *_SHOWN)),
        author.c.name.label("author"),
        closed_without().label("closed_without"),
        _consensus().label("consensus"),
    ).join(author, author.c.id == columns.created_by)


def _consensus() -> ScalarSelect[Any]:
    """Count a ticket's current reviews as `app.domain.reviews.consensus_of` does."""
    outdated = reviews.c.content_version < tickets.c.content_version
    objects = and_(reviews.c.verdict == "OBJECT", reviews.c.answer.is_(None))
    counted: dict[str, ColumnElement[bool]] = {
        verdict.value: and_(reviews.c.verdict == verdict.value, ~outdated)
        for verdict in GIVEN_VERDICTS
    } | {"outdated": outdated, "open_objections": objects}
    pairs: list[Any] = []
    for name, condition in counted.items():
        pairs += [literal_column(f"'{name}'"), func.count().filter(condition)]
    return (
        select(type_coerce(func.json_build_object(*pairs), JSONB))
        .where(reviews.c.ticket_id == tickets.c.id, reviews.c.superseded_by.is_(None))
        .correlate(tickets)
        .scalar_subquery()
    )


def _evidence(row: Any) -> dict[str, Any]:
    shown = {"state": row.evidence_state, "stale": row.evidence_stale}
    return shown if row.closed_without is None else {**shown, "closed_without": row.closed_without}


def summary_from(row: Any) -> TicketSummary:
    """Build what lists show of a ticket from a row of `summaries`."""
    return TicketSummary(
        **{name: getattr(row, name) for name in _SHOWN},
        created_by=row.author,
        evidence=_evidence(row),
        consensus=row.consensus,
        strength=row.strength_rank if row.strength_rank <= 1 else None,
    )
