"""What the page of a ticket shows beside the ticket itself, by one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, func, select

from app.domain.accounts import Specialist
from app.domain.notes import Note
from app.domain.plain import from_plain
from app.schema.accounts import accounts, specialists
from app.schema.audit import audit_events
from app.schema.tickets import notes, ticket_locations
from app.storage.prepared import Prepared
from app.storage.rows import json_list
from app.storage.store import Store

_TICKET = bindparam("wanted_ticket", type_=BigInteger)


@dataclass(frozen=True)
class Beside:
    """What stands beside a ticket."""

    notes: Sequence[Note]
    """The first ones."""
    filed: Mapping[str, Sequence[str]]
    """The code of locations as it was filed, by their ids."""
    specialists: Sequence[Specialist]
    last_event: int
    """The number of the newest event of its history; 0 where there is none."""


class BesideStore(Store):
    """What stands beside tickets."""

    async def of_ticket(self, ticket_id: int, most_notes: int) -> Beside:
        """Return what stands beside a ticket."""
        row = await _BESIDE.row(self._connection, wanted_ticket=ticket_id, most=most_notes)
        assert row is not None
        return Beside(
            notes=[from_plain(Note, item) for item in row.notes],
            filed={item["id"]: tuple(item["lines"]) for item in row.filed},
            specialists=[Specialist(**item) for item in row.specialists],
            last_event=row.last_event or 0,
        )


def _build() -> Any:
    own = select(notes).where(notes.c.ticket_id == _TICKET).order_by(notes.c.id)
    first = own.limit(bindparam("most", type_=Integer)).subquery("first_notes")
    written = select(first.c.id).join(accounts, accounts.c.id == first.c.author_id)
    note = {name: first.c[name] for name in ("id", "body", "created_at")}
    place, who = ticket_locations.c, specialists.c
    filed = select(place.id).where(place.ticket_id == _TICKET, place.filed.is_not(None))
    named = {name: who[name] for name in ("name", "code", "label", "blind")}
    events = select(func.max(audit_events.c.id)).where(audit_events.c.ticket_id == _TICKET)
    return select(
        json_list({**note, "author": accounts.c.name}, written, [first.c.id]).label("notes"),
        json_list({"id": place.id, "lines": place.filed["lines"]}, filed, [place.position]).label(
            "filed"
        ),
        json_list(named, select(who.name).where(~who.imported), [who.position]).label(
            "specialists"
        ),
        events.scalar_subquery().label("last_event"),
    )


_BESIDE = Prepared(_build)
