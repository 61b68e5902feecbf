"""Sweeps: looks at all tickets of a target when what is in force changes."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import BOOLEAN, UUID

from app.schema.base import Timestamp, metadata

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("target", ForeignKey("targets.name", ondelete="CASCADE"), nullable=False),
    # The commit that is looked at; a folder has none.
    Column("revision", Text),
    Column("package_digest", Text, nullable=False),
    Column("suite_digest", Text, nullable=False),
    # What was in force before.
    Column("previous", Text),
    Column("automatic", BOOLEAN, nullable=False, server_default=text("false")),
    Column("requested_by", ForeignKey("accounts.id")),
    Column("request_id", Text),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("reason", Text),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("worker", Text),
    Column("tests", Integer, nullable=False, server_default="0"),
    Column("queued_at", Timestamp, nullable=False, server_default=func.now()),
    Column("started_at", Timestamp),
    Column("finished_at", Timestamp),
    CheckConstraint("status IN ('queued','running','finished','cancelled')", name="status"),
    Index("ix_sweeps_queued_at", text("queued_at DESC"), text("id DESC")),
    Index("ix_sweeps_target", "target", text("queued_at DESC")),
)

sweep_items = Table(
    "sweep_items",
    metadata,
    # One for each ticket: a sweep that is taken up again says nothing twice.
    Column("sweep_id", ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    # In the order in which they were said, from 1.
    Column("seq", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("reopened", BOOLEAN, nullable=False, server_default=text("false")),
    Column("signature", Text),
    # The run that holds the results, where something changed.
    Column("run_id", UUID),
    Column("at", Timestamp, nullable=False, server_default=func.now()),
    CheckConstraint(
        "verdict IN ('held','regressed','flaky','infrastructure','not-applicable','repaired',"
        "'held-by-decision')",
        name="verdict",
    ),
    Index("ix_sweep_items_seq", "sweep_id", "seq"),
    Index("ix_sweep_items_ticket_id", "ticket_id"),
    Index("ix_sweep_items_reopened", text("at DESC"), postgresql_where=text("reopened")),
)
