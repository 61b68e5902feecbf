"""What became of the code that locations of tickets name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    any_,
    bindparam,
    cast,
    func,
    literal,
    select,
    update,
)
from sqlalchemy import column as named_column

from app.domain.places import Book, Filed, Found
from app.domain.plain import from_plain
from app.domain.relocated import PlaceState, Relocated
from app.domain.tickets import Location
from app.schema.tickets import ticket_locations, tickets
from app.storage.prepared import Prepared
from app.storage.rows import new_id
from app.storage.store import Store

RELOCATED = ("state", "now_path", "now_start", "now_end")
"""Columns of a location that show what became of its code."""
PLACED = ("filed", *RELOCATED, "looked_up")
"""All that say so."""
_NAMED = ("path", "start_line", "end_line", "symbol")


_FILED_CODE = Prepared(
    lambda: select(ticket_locations.c.id, ticket_locations.c.filed["lines"].label("lines")).where(
        ticket_locations.c.ticket_id == bindparam("wanted_ticket", type_=BigInteger),
        ticket_locations.c.filed.is_not(None),
    )
)


@dataclass(frozen=True)
class StoredPlace:
    """A location that is to be looked up again."""

    id: str
    location: Location
    filed: Filed | None


class PlaceStore(Store):
    """What became of places."""

    async def of_other_trees(
        self, target: str, digest: str, *, unplaced: bool, after: str | None, limit: int
    ) -> list[StoredPlace]:
        """Return locations of a target's tickets that were looked up in another tree, or in none.

        Args:
            target: its name.
            digest: of the tree that is in force.
            unplaced: tickets that no domain places belong to it too.
            after: the id behind which to go on.
            limit: so many at most.
        """
        table = ticket_locations.c
        mine = tickets.c.target == target
        if unplaced:
            mine |= tickets.c.target.is_(None)
        query = (
            select(table.id, table.note, table.filed, *(table[name] for name in _NAMED))
            .join(tickets, tickets.c.id == table.ticket_id)
            .where(mine, table.looked_up.is_distinct_from(digest))
            .order_by(table.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(table.id > after)
        rows = await self._connection.execute(query)
        return [_stored(row) for row in rows]

    async def save(self, found: Sequence[tuple[str, Filed | None, Found]], digest: str) -> None:
        """Keep what became of locations by the tree `digest`."""
        rows = [{"id": name, **_values(was, now, digest)} for name, was, now in found]
        table = ticket_locations.c
        types = {"id": table.id.type, **{name: table[name].type for name in PLACED}}
        given = (
            func.json_to_recordset(cast(bindparam("rows", rows, JSON), JSON))
            .table_valued(*(named_column(name, kind) for name, kind in types.items()))
            .render_derived(name="given", with_types=True)
        )
        await self._connection.execute(
            update(ticket_locations)
            .where(table.id == given.c.id)
            .values({name: given.c[name] for name in PLACED})
        )

    async def filed_code(self, ticket_id: int) -> dict[str, tuple[str, ...]]:
        """Return the code of a ticket's locations as it was filed, by their ids."""
        rows = await _FILED_CODE.rows(self._connection, wanted_ticket=ticket_id)
        return {str(row.id): tuple(row.lines) for row in rows}

    async def filed_of(self, ticket_ids: Sequence[int]) -> list[tuple[str, StoredPlace]]:
        """Return (ticket key, location) of tickets, in their order."""
        table = ticket_locations.c
        rows = await self._connection.execute(
            select(tickets.c.key, table.id, table.note, table.filed, *(table[n] for n in _NAMED))
            .join(tickets, tickets.c.id == table.ticket_id)
            .where(table.ticket_id == any_(literal(list(ticket_ids), ARRAY(BigInteger))))
            .order_by(tickets.c.sort_key, table.position)
        )
        return [(row.key, _stored(row)) for row in rows]


def _stored(row: Any) -> StoredPlace:
    place = Location(row.path, row.start_line, row.end_line, row.symbol, row.note)
    return StoredPlace(
        str(row.id), place, None if row.filed is None else from_plain(Filed, row.filed)
    )


def looked_up(
    book: Book, target: str | None, locations: Iterable[Location]
) -> list[dict[str, Any]]:
    """Return locations as rows, with what they hold in the tree in force."""
    given = list(locations)
    return [
        row | _values(*book.look_up(target, location))
        for row, location in zip(_own_rows(given), given, strict=True)
    ]


def _values(was: Filed | None, now: Found, digest: str | None) -> dict[str, Any]:
    return {
        "filed": None if was is None else was.to_plain(),
        "state": now.state.value,
        "now_path": now.path,
        "now_start": now.start,
        "now_end": now.end,
        "looked_up": digest,
    }


def relocated_from(item: Mapping[str, Any]) -> Relocated:
    """Build what became of a location from its JSON object, or its row."""
    return Relocated(
        str(item["id"]),
        PlaceState(item["state"]),
        item["now_path"],
        item["now_start"],
        item["now_end"],
    )


def _own_rows(locations: Iterable[Location]) -> list[dict[str, Any]]:
    """Return locations as rows, in order; those without an id get one."""
    return [
        {
            "id": place.id or new_id(),
            "position": n,
            "path": place.path,
            "start_line": place.start_line,
            "end_line": place.end_line,
            "symbol": place.symbol,
            "note": place.note,
        }
        for n, place in enumerate(locations)
    ]
