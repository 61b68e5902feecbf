"""Domain objects from plain data, as JSON holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

T = TypeVar("T")

_Make = Callable[[Any], Any] | None
"""What makes a value of its plain form, which is not null; None: it is the same."""


def from_plain(kind: type[T], stored: Mapping[str, Any]) -> T:
    """Build a dataclass from its fields, as their types say.

    Words become enumerations, texts times and UUIDs, lists tuples, objects dataclasses. What is
    missing, as in what earlier versions stored, takes its default; what is no field is left out.
    """
    return kind(**values_from_plain(kind, stored))


def values_from_plain(kind: type, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return those fields of a dataclass that are stored, as `from_plain` makes them."""
    given = {}
    for name, make in _fields(kind):
        if name in stored:
            value = stored[name]
            given[name] = value if make is None or value is None else make(value)
    return given


@cache
def _fields(kind: Any) -> tuple[tuple[str, _Make], ...]:
    types = get_type_hints(kind)
    return tuple((one.name, _maker(types[one.name])) for one in fields(kind) if one.init)


def _maker(kind: Any) -> _Make:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        makers = [_maker(one) for one in inner if one is not NoneType]
        return makers[0] if len(makers) == 1 else None
    if origin is tuple:
        make = _maker(inner[0]) if len(inner) == 2 and inner[1] is Ellipsis else None
        return tuple if make is None else partial(_tuple_of, make)
    if not isinstance(kind, type):
        return None
    if is_dataclass(kind):
        return partial(from_plain, kind)
    if issubclass(kind, Enum):
        return kind
    return {UUID: _uuid, datetime: _moment, date: _day}.get(kind)


def _tuple_of(make: Callable[[Any], Any], values: Any) -> tuple[Any, ...]:
    return tuple(map(make, values))


def _uuid(value: str | UUID) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _day(value: str | date) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _moment(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
