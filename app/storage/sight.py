"""Which tickets have verdicts that are hidden from a reader, in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, and_, bindparam, exists, func, or_, select
from sqlalchemy.dialects.postgresql import BOOLEAN, UUID

from app.domain.sight import Sight
from app.schema.reviews import reviews
from app.schema.tickets import tickets


def hidden_from(sight: Sight) -> ColumnElement[bool]:
    """Return the condition that verdicts on a ticket are hidden; `Sight.hides` says the same.

    Its values are parameters ``wanted_sight_…``, so that its text is the same for every reader.
    """
    values = sight_values(sight)
    account = bindparam("wanted_sight_account", values["wanted_sight_account"], UUID)
    blind = bindparam("wanted_sight_blind", values["wanted_sight_blind"], BOOLEAN)
    blind_as = bindparam("wanted_sight_as", values["wanted_sight_as"], ARRAY(Text))
    current = and_(reviews.c.ticket_id == tickets.c.id, reviews.c.superseded_by.is_(None))
    own = exists().where(current, reviews.c.author_id == account).correlate(tickets)
    there = (
        select(func.count(func.distinct(reviews.c.specialist)))
        .where(current, reviews.c.specialist == func.any(blind_as))
        .correlate(tickets)
        .scalar_subquery()
    )
    return or_(and_(blind, ~own), there < func.cardinality(blind_as))


def sight_values(sight: Sight) -> dict[str, Any]:
    """Return the parameters of `hidden_from`."""
    return {
        "wanted_sight_account": sight.account,
        "wanted_sight_blind": sight.blind,
        "wanted_sight_as": list(sight.blind_as),
    }
