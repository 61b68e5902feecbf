"""Values of JSON that may be missing, or of another type than they should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def whole(value: Any, most: int = 100_000_000) -> int | None:
    """Return a whole number from 1; None where it is none."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
    return value if fits else None


def mapping(value: Any) -> dict[str, Any]:
    """Return an object; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """Return a list; an empty one where it is none."""
    return value if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """Return a number from 0 to 10, also one that is written as text; None where it is none."""
    if value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if 0 <= found <= 10 else None


def text_of(item: Mapping[str, Any], name: str) -> str | None:
    """Return the text of a message; None where there is none."""
    message = item.get(name)
    found = message.get("text") if isinstance(message, dict) else None
    return found if isinstance(found, str) else None
