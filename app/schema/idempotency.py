"""Answers kept under their idempotency keys."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, func
from sqlalchemy.dialects.postgresql import JSONB

from app.schema.base import Timestamp, metadata

kept_answers = Table(
    "kept_answers",
    metadata,
    # SHA-256 of account, method, path and key.
    Column("scope", LargeBinary, primary_key=True),
    # SHA-256 of what was sent: query, media type and body.
    Column("request", LargeBinary, nullable=False),
    Column("account_id", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    CheckConstraint("status BETWEEN 200 AND 299", name="success"),
    Index("ix_kept_answers_created_at", "created_at"),
)
