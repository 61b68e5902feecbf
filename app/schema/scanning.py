"""What scanners report, beside the tickets that it became."""

from __future__ import annotations

from sqlalchemy import BOOLEAN, Column, ForeignKey, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.schema.base import Timestamp, metadata

scanner_results = Table(
    "scanner_results",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("scanner", Text, primary_key=True),
    # The tool's own name, and its version when it last reported this.
    Column("tool", Text, nullable=False),
    Column("rule", Text, nullable=False),
    # What the result is known again by: app.domain.scanning.Trace.
    Column("path", Text),
    Column("line", Integer),
    Column("symbol", Text),
    Column("code", Text),
    Column("before", Text),
    Column("after", Text),
    Column("says", Text),
    Column("prints", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # Of all that an import takes: equal means that nothing is to be done.
    Column("digest", Text, nullable=False),
    # Level, kind, message, fingerprints, rank: what goes out again as it came.
    Column("said", JSONB, nullable=False),
    # False once a complete run of the scanner no longer had it.
    Column("reported", BOOLEAN, nullable=False, server_default=text("true")),
    Column("changed_at", Timestamp, nullable=False, server_default=func.now()),
    Index("ix_scanner_results_rule", "scanner", "rule"),
)
