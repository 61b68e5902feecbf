"""Filters and full text within lists: which of two ways finds a page without reading every ticket.

Where words are frequent, some of the newest tickets hold them, and a walk along the order finds a
page at once. Where they are rare, the index of words gives the few tickets that hold them. The
server would choose by what it expects of the whole table; when the words are frequent but only old
tickets hold them, that choice reads a million documents. So the walk is tried first and is cut
short, and then the index of words decides. Where the server's statistics say that the words are
rare there is no walk, and the index is asked together with that of the order, for a part of the
tickets from where the page begins that probably holds enough: so what is read depends on the page,
and not on how many tickets hold the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, func, literal, literal_column, select

from app.schema.reviews import reviews
from app.schema.tickets import tickets

WALK = 1000
"""So many tickets are looked at along the order; each may cost a read of its own."""

LONG_WALK = 20_000
"""So many for a phrase of frequent words, which the index of words only knows one by one: each
ticket that holds them has to be read, on this way or on the other."""

OrderBy = Sequence[tuple[str, bool]]
"""(column, descending)."""

_CURRENT_REVIEWS = (
    select(func.count())
    .where(reviews.c.ticket_id == tickets.c.id, reviews.c.superseded_by.is_(None))
    .correlate(tickets)
    .scalar_subquery()
)


def value_of(name: str) -> ColumnElement[Any]:
    """Return a value of tickets that lists are ordered by.

    Beside their columns these are ``reviewed``, how many current reviews there are, and
    ``folded_title``.
    """
    match name:
        case "reviewed":
            return _CURRENT_REVIEWS
        case "folded_title":
            return func.lower(tickets.c.title)
        case _:
            return tickets.c[name]


def number(value: int) -> ColumnElement[int]:
    """Return a number that stands in the text: the server plans for so many rows."""
    return literal_column(str(int(value)), Integer)


def ordered(query: Select[Any], source: Any, order: OrderBy) -> Select[Any]:
    """Return `query` in order by columns of `source`."""
    found = ((value_of(name) if source is tickets else source.c[name], d) for name, d in order)
    return query.order_by(*(value.desc() if d else value for value, d in found))


def walked(
    summaries: Select[Any],
    conditions: Sequence[ColumnElement[bool]],
    along: Sequence[ColumnElement[bool]],
    order: OrderBy,
    limit: int,
    length: int,
) -> Select[Any]:
    """Return the first `limit` of those of the next `length` tickets that meet the conditions.

    Args:
        summaries: what is read of a ticket.
        conditions: what a ticket has to meet.
        along: conditions that an index in this order answers: where to start, and one filter.
        order: the order.
        limit: how many to return.
        length: of the walk.
    """
    near = ordered(_place(along, order), tickets, order).limit(number(length)).cte("near")
    near = near.prefix_with("MATERIALIZED", dialect="*")
    # A value of its own for each: no server turns it into a join that reads all that match, and
    # no more tickets are looked at than are needed.
    meets = select(and_(*conditions)).where(tickets.c.id == near.c.id).scalar_subquery()
    top = ordered(select(near).where(meets), near, order).limit(number(limit)).subquery("top")
    query = summaries.join(top, top.c.id == tickets.c.id)
    return ordered(query, top, order)


def looked_up(
    summaries: Select[Any], conditions: Sequence[ColumnElement[bool]], order: OrderBy, limit: int
) -> Select[Any]:
    """Return the first `limit` tickets that meet the conditions, by the index of words."""
    # Materialised: planned for all its rows, it takes the index instead of hoping for a short walk.
    matching = _place(conditions, order).cte("matching").prefix_with("MATERIALIZED", dialect="*")
    top = ordered(select(matching), matching, order).limit(number(limit)).subquery("top")
    query = summaries.join(top, top.c.id == tickets.c.id)
    return ordered(query, top, order)


def some(conditions: Sequence[ColumnElement[bool]], limit: int) -> Select[Any]:
    """Return at most `limit` rows, one for each ticket that meets the conditions."""
    matching = select(tickets.c.id).where(*conditions).cte("matching")
    matching = matching.prefix_with("MATERIALIZED", dialect="*")
    return select(literal(1)).select_from(matching).limit(number(limit))


def _place(conditions: Sequence[ColumnElement[bool]], order: OrderBy) -> Select[Any]:
    names = dict.fromkeys(("id", *(name for name, _ in order)))
    return select(*(value_of(name).label(name) for name in names)).where(*conditions)
