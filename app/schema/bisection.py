"""Bisections: what they found, the steps they took, and looks that are kept for others."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, func
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import BOOLEAN, JSONB

from app.schema.base import Timestamp, metadata

bisections = Table(
    "bisections",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    # The older end, once it is known.
    Column("old", Text),
    # The failures that show the defect: signatures by test, once the bad end was looked at.
    Column("telling", JSONB(none_as_null=True)),
    # {outcome, reason, first, last, intervals, confidence}, once it has ended.
    Column("found", JSONB(none_as_null=True)),
)

bisection_steps = Table(
    "bisection_steps",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("revision", Text, nullable=False),
    Column("tree", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("outcome", Text),
    Column("reason", Text),
    # [[what one look showed, how often]]
    Column("glances", JSONB, nullable=False),
    Column("reused", BOOLEAN, nullable=False, server_default=sql("false")),
    CheckConstraint("outcome IN ('good','bad','skip')", name="outcome"),
)

revision_looks = Table(
    "revision_looks",
    metadata,
    # What the packages hold, the tests with their files, and the environment.
    Column("tree", Text, primary_key=True),
    Column("tests", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("glances", JSONB, nullable=False),
    # In how many arms it was looked at: what two say is confirmed.
    Column("arms", Integer, nullable=False),
    Column("reason", Text),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
    Index("ix_revision_looks_updated_at", "updated_at"),
)
