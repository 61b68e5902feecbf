"""Parts of tickets that were removed a moment ago."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.schema.base import Timestamp, metadata

removed_parts = Table(
    "removed_parts",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    # The row as it was.
    Column("part", JSONB, nullable=False),
    Column("removed_at", Timestamp, nullable=False, server_default=func.now()),
    CheckConstraint("kind IN ('patch','test','file','note')", name="kind"),
)
