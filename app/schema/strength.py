"""Mutants: of runs, results kept for whoever asks again, and what people say of survivors."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, Table, Text, func
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import BOOLEAN, JSONB, UUID

from app.schema.base import Timestamp, metadata

run_mutants = Table(
    "run_mutants",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    # The order in which they are run.
    Column("position", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("operator", Text, nullable=False),
    Column("function", Text, nullable=False),
    # {start, end, text}: the bytes of the file that are replaced, and by what.
    Column("change", JSONB, nullable=False),
    Column("diff", Text, nullable=False),
    Column("by_fix", BOOLEAN, nullable=False, server_default=sql("false")),
    Column("outcome", Text),
    Column("killed_by", Text),
    Column("how", Text),
    Column("suite_killed_by", Text),
    Column("took_s", Float),
    Column("reused", BOOLEAN, nullable=False, server_default=sql("false")),
    CheckConstraint("outcome IN ('killed','survived','timed-out','import')", name="outcome"),
    Index("ix_run_mutants_digest", "digest"),
)

mutant_results = Table(
    "mutant_results",
    metadata,
    # The package with the mutant in it, the tests with their files, and the environment.
    Column("content", Text, primary_key=True),
    Column("tests", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("killed_by", Text),
    Column("how", Text),
    Column("took_s", Float, nullable=False),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
    Index("ix_mutant_results_updated_at", "updated_at"),
)

mutant_verdicts = Table(
    "mutant_verdicts",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("at", Timestamp, nullable=False, server_default=func.now()),
    CheckConstraint("verdict IN ('equivalent','accepted')", name="verdict"),
)

ticket_strength = Table(
    "ticket_strength",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    # Not a foreign key: runs may be cleared away, the ticket keeps what they said.
    Column("run_id", UUID, nullable=False),
    # The share that is killed; null where there are too few mutants to say.
    Column("value", Float),
    Column("figures", JSONB, nullable=False),
    Column("package_digest", Text, nullable=False),
    Column("links_digest", Text, nullable=False),
    Column("stale", BOOLEAN, nullable=False, server_default=sql("false")),
    Column("measured_at", Timestamp, nullable=False, server_default=func.now()),
    Index("ix_ticket_strength_value", "value"),
)
