"""What happened to tickets, as rows and lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.cli.moments import moment


def change_row(event: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the cells of an event: time, ticket, account, action and change."""
    changes = event.get("changes") or {}
    words = ", ".join(f"{name}: {_change(change)}" for name, change in changes.items())
    actor = event.get("actor") or "the service"
    return (moment(event.get("at")), event.get("ticket"), actor, event.get("action"), words)


def _change(change: Any) -> str:
    match change:
        case [None, new]:
            return str(new)
        case [old, None]:
            return f"{old} removed"
        case [old, new]:
            return f"{old} → {new}"
        case _:
            return str(change)
