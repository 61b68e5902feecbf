"""Changes told in brief: what somebody needs to see that something changed, and what it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

ITEMS = 10
"""Of a list so many are told, of those that differ."""

CHARACTERS = 200
"""Of a text so many are told."""


def brief_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``[before, after]`` of fields, of lists what differs and of texts the beginning.

    Args:
        changes: values as JSON holds them.
    """
    return {field: _brief_change(change) for field, change in changes.items()}


def _brief_change(change: Sequence[Any]) -> list[Any]:
    old, new = change
    lists = isinstance(old, list | tuple) and isinstance(new, list | tuple)
    if lists and len(old) + len(new) > ITEMS:
        kept = [{_written(item) for item in items} for items in (old, new)]
        old = [item for item in old if _written(item) not in kept[1]]
        new = [item for item in new if _written(item) not in kept[0]]
    return [_brief(old), _brief(new)]


def _brief(value: Any) -> Any:
    match value:
        case str() if len(value) > CHARACTERS:
            return f"{value[: CHARACTERS - 1]}…"
        case list() | tuple():
            more = [f"and {len(value) - ITEMS:,} more"] if len(value) > ITEMS else []
            return [*map(_brief, value[:ITEMS]), *more]
        case Mapping():
            return {name: _brief(item) for name, item in value.items()}
        case _:
            return value


def _written(value: Any) -> str:
    # A part that is told of by a document has no id yet.
    said = {k: v for k, v in value.items() if k != "id"} if isinstance(value, Mapping) else value
    return json.dumps(said, sort_keys=True)
