"""Saved views of the list of tickets."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Table, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.schema.base import Timestamp, metadata

views = Table(
    "views",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("owner_id", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    # {filter: value or values}, as the list takes them.
    Column("filters", JSONB, nullable=False),
    Column("sort", Text, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
    UniqueConstraint("owner_id", "name", name="uq_views_owner_id_name"),
)
