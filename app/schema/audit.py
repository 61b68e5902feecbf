"""Audit events: written with the change, never touched again."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

from app.schema.base import Timestamp, metadata


class Xid8(UserDefinedType[str]):
    """A 64-bit transaction id, which never wraps around."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's SQL name."""
        return "xid8"


audit_events = Table(
    "audit_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    # (xid, id) is the order of commits as far as a reader can know it.
    Column("xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("ticket_id", ForeignKey("tickets.id")),
    Column("actor_id", ForeignKey("accounts.id")),
    Column("action", Text, nullable=False),
    Column("changes", JSONB, nullable=False, server_default=text("'{}'")),
    Column("request_id", Text),
    Column("at", Timestamp, nullable=False, server_default=func.now()),
    Index("ix_audit_events_ticket_id", "ticket_id", "id"),
    Index("ix_audit_events_xid", "xid", "id"),
    Index("ix_audit_events_actor_id", "actor_id", "id"),
    # Endings of tickets by time, for the figures of closed tickets per week.
    Index(
        "ix_audit_events_ended",
        "at",
        postgresql_where=text("(changes #>> '{status,1}') IN ('closed','wont-fix')"),
    ),
)
