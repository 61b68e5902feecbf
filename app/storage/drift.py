"""Which tickets lie in a folder that says something else than their status."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select

from app.domain.documents import Disagreement
from app.schema.documents import ticket_documents
from app.schema.tickets import tickets
from app.storage.store import Store


def drifted() -> ColumnElement[bool]:
    """Return the condition that folder and status of a ticket disagree.

    It says in SQL what ``app.formats.markdown.drift`` says of a single document.
    """
    status, resolution = tickets.c.status, tickets.c.resolution
    closed = status == "closed"
    folder = ticket_documents.c.folder
    agrees = case(
        (folder == "triaged", status.not_in(("closed", "wont-fix"))),
        (
            folder == "fixed",
            and_(closed, or_(resolution.is_(None), resolution.in_(("fixed", "already-fixed")))),
        ),
        (
            folder == "not-a-bug",
            and_(closed, or_(resolution.is_(None), resolution == "not-a-bug")),
        ),
        (
            folder == "wontfix",
            or_(status == "wont-fix", and_(closed, resolution.is_(None))),
        ),
        else_=True,
    )
    own = ticket_documents.c.ticket_id == tickets.c.id
    return exists().where(and_(own, folder.is_not(None), ~agrees)).correlate(tickets)


class DriftStore(Store):
    """Disagreements between folders and statuses."""

    async def page(self, *, after: str | None, limit: int) -> list[Disagreement]:
        """Return disagreements by key, from the ticket behind `after`."""
        other = tickets.alias("other")
        place = select(other.c.sort_key).where(other.c.key == after).scalar_subquery()
        start = [] if after is None else [tickets.c.sort_key > place]
        rows = await self._connection.execute(
            select(
                tickets.c.key,
                tickets.c.title,
                tickets.c.severity,
                tickets.c.severity_raw,
                tickets.c.status,
                tickets.c.resolution,
                ticket_documents.c.folder,
                ticket_documents.c.source_path,
            )
            .join(ticket_documents, ticket_documents.c.ticket_id == tickets.c.id)
            .where(drifted(), *start)
            .order_by(tickets.c.sort_key)
            .limit(limit)
        )
        return [Disagreement(**row._mapping) for row in rows]

    async def count(self) -> int:
        """Return how many there are."""
        query = select(func.count()).select_from(tickets).where(drifted())
        return int(await self._connection.scalar(query) or 0)
