"""Which tickets lie in a folder that says something else than their status."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, exists, or_

from app.schema.documents import ticket_documents
from app.schema.tickets import tickets


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
    return exists().where(
        and_(ticket_documents.c.ticket_id == tickets.c.id, folder.is_not(None), ~agrees)
    )
