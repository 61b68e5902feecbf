"""Small pieces that several stores share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import uuid_utils
from sqlalchemy import ScalarSelect, Select, func, literal_column, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.sql.elements import ColumnElement

from app.domain.plain import values_from_plain

T = TypeVar("T")


def new_id() -> UUID:
    """Return a fresh UUIDv7: unique without asking anybody, and in order of time."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def from_row(kind: type[T], row: Any, **given: Any) -> T:
    """Build a dataclass from a row and what is `given` besides.

    A column gives the field that has its name, made as `from_plain` makes it. What is of another
    name, or of another form, is given.
    """
    stored = {name: value for name, value in row._asdict().items() if name not in given}
    return kind(**values_from_plain(kind, stored), **given)


def batched(items: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Yield the items in parts, so that what a statement does with one has a bound."""
    return (items[at : at + size] for at in range(0, len(items), size))


def json_list(
    fields: Mapping[str, ColumnElement[Any]],
    query: Select[Any],
    order_by: Sequence[ColumnElement[Any]],
) -> ScalarSelect[Any]:
    """Return a scalar subquery that gathers the rows of `query` into one JSON list.

    One statement with such subqueries reads a ticket with all its parts in one round trip.
    """
    pairs: list[Any] = []
    for name, column in fields.items():
        pairs += [literal_column(f"'{name}'"), column]
    built = func.json_build_object(*pairs)
    gathered = func.coalesce(
        func.json_agg(aggregate_order_by(built, *order_by)), literal_column("'[]'::json")
    )
    return query.with_only_columns(type_coerce(gathered, JSONB)).scalar_subquery()
