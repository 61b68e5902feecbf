"""What others report of the tests of tickets."""

from __future__ import annotations

from sqlalchemy import DOUBLE_PRECISION, Column, ForeignKey, Index, Integer, Table, Text, func
from sqlalchemy.dialects.postgresql import UUID

from app.schema.base import Timestamp, metadata

external_results = Table(
    "external_results",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("node_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    # Of CI, the workflow's name.
    Column("source", Text, nullable=False),
    Column("commit", Text),
    Column("url", Text),
    Column("message", Text),
    # Several where it was run again, or reported once more at the same commit.
    Column("passes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("duration_s", DOUBLE_PRECISION),
    Column("ran_at", Timestamp),
    Column("reported_at", Timestamp, nullable=False, server_default=func.now()),
    Column("reported_by", ForeignKey("accounts.id"), nullable=False),
    Index(
        "uq_external_results_ticket_node",
        "ticket_id",
        "source",
        "commit",
        "node_id",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    Index("ix_external_results_newest", "ticket_id", "reported_at", "id"),
)
