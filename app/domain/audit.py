"""Audit events: who changed what, when, in the order of commits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_ID = re.compile(r"(\d{1,20})-(\d{1,19})")
_MAX_XID, _MAX_NUMBER = 2**64 - 1, 2**63 - 1
MOST_CHARS = 24_000
"""Of the values that an event holds: pages of history have two hundred of them."""
_CUTS = ((20_000, 200), (10_000, 200), (2_000, 100), (500, 50), (100, 20))
"""Characters of a text and items of a list that are kept, the first pair that is enough."""
_DEEPEST = 6
_BRIEF = 1000


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


def bounded(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes as an event holds them: long texts and lists cut, with how much is missing.

    Who needs the whole text of a document has the document itself, and its export.
    """
    found = dict(changes)
    for longest, most in _CUTS:
        if _size(found, MOST_CHARS) <= MOST_CHARS:
            return found
        found = {field: _cut(value, longest, most, _DEEPEST) for field, value in changes.items()}
    return {field: _brief(value) for field, value in found.items()}


def _brief(value: Any) -> Any:
    """Return what is told of a value that is large in ways that nobody has thought of."""
    if isinstance(value, (list, tuple)) and len(value) <= 2:
        return [_brief(part) for part in value]
    return value if _size(value, _BRIEF) <= _BRIEF else "[… too long to be kept]"


def _size(value: Any, enough: int) -> int:
    """Return how many characters a value takes, about; counted no further than `enough`."""
    match value:
        case str():
            return len(value) + 2
        case Mapping():
            parts: Iterable[Any] = (part for pair in value.items() for part in pair)
        case list() | tuple():
            parts = value
        case _:
            return 6
    size = 2
    for part in parts:
        size += _size(part, enough)
        if size > enough:
            break
    return size


def _cut(value: Any, longest: int, most: int, depth: int) -> Any:
    match value:
        case str() if len(value) > longest:
            return f"{value[:longest]} [… {len(value) - longest:,} characters are not kept]"
        case list() | tuple() if depth:
            items = [_cut(item, longest, most, depth - 1) for item in value[:most]]
            left_out = len(value) - most
            return [*items, f"[… {left_out:,} more are not kept]"] if left_out > 0 else items
        case Mapping() if depth:
            return {name: _cut(part, longest, most, depth - 1) for name, part in value.items()}
    return value


@dataclass(frozen=True)
class Changes:
    """Events in order, and how far was read for them."""

    events: tuple[AuditEvent, ...]
    last: EventId
    """Go on behind this one; events up to here that are not given were not asked for."""
    more: bool
    """There is more to be read at once."""
