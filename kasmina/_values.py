"""Checks on plain Python arguments: numbers, names, mappings. No torch in here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, TypeVar

E = TypeVar("E", bound=IntEnum)


def require_real_number(name: str, value: object) -> float:
    """Return `value` as a float; TypeError unless it is an int or a float, ValueError for NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, got {describe(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name} must fit a float, got an int beyond its range") from None
    if math.isnan(number):
        raise ValueError(f"{name} must be a number, got NaN")
    return number


def require_unit_number(name: str, value: object) -> float:
    """Return `value` clamped to [0, 1]; NaN has no place to be clamped to and is a ValueError."""
    return min(1.0, max(0.0, require_real_number(name, value)))


def require_step_count(name: str, value: object) -> int:
    """Return `value` cut to an int of at least 0; ValueError for NaN and infinities."""
    number = require_real_number(name, value)
    if math.isinf(number):
        raise ValueError(f"{name} must be finite, got {number}")
    return max(0, int(number))


def require_count(name: str, value: object) -> int:
    """Return `value`; TypeError unless it is an int, ValueError unless ``value >= 0``."""
    number = _require_int(name, value)
    if number < 0:
        raise ValueError(f"expected {name} >= 0, got {number}")
    return number


def require_positive_int(name: str, value: object) -> int:
    """Return `value`; TypeError unless it is an int, ValueError unless ``value > 0``."""
    number = _require_int(name, value)
    if number <= 0:
        raise ValueError(f"expected {name} > 0, got {number}")
    return number


def require_text(name: str, value: object) -> str:
    """Return `value`; TypeError unless it is a string, ValueError when it is empty."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {describe(value)}")
    if not value:
        raise ValueError(f"{name} must not be empty")
    return value


def require_topology(value: object) -> str:
    """Return `value`; ValueError unless it is one of the two kinds of host."""
    if require_text("topology", value) not in ("cnn", "transformer"):
        raise ValueError(f"topology must be 'cnn' or 'transformer', got {describe(value)}")
    return str(value)


def require_member(name: str, enum: type[E], value: Any) -> E:
    """Return `value` as a member of `enum`, given as one or as its number; else ValueError."""
    try:
        return enum(value)
    except ValueError:
        members = ", ".join(f"{member.name} ({member.value})" for member in enum)
        raise ValueError(f"{name} must be one of {members}, got {describe(value)}") from None


def require_mapping(name: str, value: object) -> None:
    """Raise TypeError unless `value` is a mapping."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping, got {describe(value)}")


def _require_int(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, got {describe(value)}")
    return value


def describe(value: object) -> str:
    """Name a value for an error message: its type, and the value itself when that is short."""
    if value is None:
        return "None"
    text = type(value).__name__
    if isinstance(value, bool | int | float | str):
        text += f" {value!r}"
    return text
