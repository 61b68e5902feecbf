"""Which tickets speak of a file."""

from __future__ import annotations

from sqlalchemy import func, select

from app.domain.source import TicketAbout
from app.schema.tickets import ticket_locations, tickets
from app.storage.store import Store

_INDEXED = 600
"""So many characters of a path are in the index."""


class AboutStore(Store):
    """Tickets by the files that they name."""

    async def of_file(self, path: str, *, limit: int) -> list[TicketAbout]:
        """Return the tickets that name a file, as a ticket states its path, by their lines."""
        place = ticket_locations.c
        first = func.coalesce(place.now_start, place.start_line)
        rows = await self._connection.execute(
            select(
                tickets.c.key,
                tickets.c.title,
                tickets.c.severity,
                tickets.c.status,
                tickets.c.resolution,
                first.label("start_line"),
                func.coalesce(place.now_end, place.end_line).label("end_line"),
            )
            .join(tickets, tickets.c.id == place.ticket_id)
            .where(func.left(place.path, _INDEXED) == path[:_INDEXED], place.path == path)
            .order_by(first.nulls_last(), tickets.c.sort_key)
            .limit(limit)
        )
        return [TicketAbout(**row._mapping) for row in rows]
