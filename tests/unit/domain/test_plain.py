from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest

from app.domain.plain import from_plain

ID = "01890a5d-ac96-774b-bcce-b302099a8057"


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Part:
    name: str
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Whole:
    id: UUID
    at: datetime
    day: date | None
    colour: Colour | None
    parts: tuple[Part, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    first: Part | None = None
    figures: Mapping[str, Any] | None = None
    number: int = 1
    worked_out: int = field(init=False, default=7)


def test_values_become_what_the_types_say() -> None:
    stored = {
        "id": ID,
        "at": "2026-01-02T03:04:05+00:00",
        "day": "2026-01-02",
        "colour": "red",
        "parts": [{"name": "one", "sizes": [1, 2]}, {"name": "two"}],
        "pairs": [["a", "b"]],
        "first": {"name": "one"},
        "figures": {"id": ID},
        "number": 3,
    }
    assert from_plain(Whole, stored) == Whole(
        UUID(ID),
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        date(2026, 1, 2),
        Colour.RED,
        (Part("one", (1, 2)), Part("two")),
        (("a", "b"),),
        Part("one"),
        {"id": ID},
        3,
    )


def test_what_is_missing_takes_its_default_and_what_is_no_field_is_left_out() -> None:
    moment = datetime.now(UTC)
    stored = {"id": UUID(ID), "at": moment, "day": None, "colour": None, "parts": []}
    found = from_plain(Whole, {**stored, "worked_out": 9, "later": "unknown"})
    assert found == Whole(UUID(ID), moment, None, None, ())
    assert (found.number, found.worked_out) == (1, 7)


def test_what_has_no_default_is_wanted() -> None:
    with pytest.raises(TypeError, match="name"):
        from_plain(Part, {})
