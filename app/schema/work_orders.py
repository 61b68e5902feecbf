"""Work orders."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.schema.base import Timestamp, metadata

work_orders = Table(
    "work_orders",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("status", Text, nullable=False, server_default="open"),
    Column("specialist", ForeignKey("specialists.name")),
    # {digest, path, line, function, diff} of the survivor to be killed; runs may be cleared away.
    Column("mutant", JSONB(none_as_null=True)),
    Column("note", Text),
    # Null: the service itself, by a rule of its policy.
    Column("created_by", ForeignKey("accounts.id")),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("claimed_by", ForeignKey("accounts.id")),
    # Of a claim: it is open again from then on. Of what was handed in: when it was.
    Column("lease_expires_at", Timestamp),
    Column("submitted_at", Timestamp),
    # Not a foreign key: runs may be cleared away, the order keeps what they said.
    Column("run_id", UUID),
    Column("reason", Text),
    # {submitted, patch}: what is taken off the ticket again where it is not accepted.
    Column("handed", JSONB(none_as_null=True)),
    CheckConstraint("kind IN ('reproduce','refute','fix','kill-mutant','assess')", name="kind"),
    CheckConstraint(
        "status IN ('open','claimed','submitted','accepted','rejected','errored')", name="status"
    ),
    Index("ix_work_orders_ticket_id", "ticket_id"),
    # What is offered: all but what is done.
    Index(
        "ix_work_orders_waiting",
        "id",
        postgresql_where=text("status IN ('open','claimed','submitted','errored')"),
    ),
)
