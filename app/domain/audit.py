"""Audit events: who changed what, when, in the order of commits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_ID = re.compile(r"(\d{1,20})-(\d{1,19})")
_MAX_XID, _MAX_NUMBER = 2**64 - 1, 2**63 - 1


@dataclass(frozen=True, order=True)
class EventId:
    """Where an event stands: the number of its transaction, and its own.

    Events in this order, up to the oldest transaction that still runs, never get another one in
    between: whoever goes on behind an id misses nothing.
    """

    xid: int
    number: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.number}"


START = EventId(0, 0)
"""Before the first event."""


def parse_event_id(text: str) -> EventId | None:
    """Return the id that `text` spells, or None."""
    match = _ID.fullmatch(text)
    if match is None or not text.isascii():
        return None
    found = EventId(int(match[1]), int(match[2]))
    return found if found.xid <= _MAX_XID and found.number <= _MAX_NUMBER else None


@dataclass(frozen=True)
class AuditEvent:
    """One change, as history shows it."""

    id: EventId
    ticket: str | None
    """Key of the ticket that changed."""
    at: datetime
    actor: str | None
    action: str
    changes: Mapping[str, Any]
    """``{field: [old, new]}``."""
    request_id: str | None


@dataclass(frozen=True)
class Changes:
    """Events in order, and how far was read for them."""

    events: tuple[AuditEvent, ...]
    last: EventId
    """Go on behind this one; events up to here that are not given were not asked for."""
    more: bool
    """There is more to be read at once."""
