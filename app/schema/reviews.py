"""Cross-reviews, and the leases under which agents work through their queue."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import BOOLEAN, JSONB, UUID

from app.schema.base import Timestamp, metadata

reviews = Table(
    "reviews",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("specialist", ForeignKey("specialists.name"), nullable=False),
    Column("author_id", ForeignKey("accounts.id"), nullable=False),
    Column("on_behalf", BOOLEAN, nullable=False, server_default=text("false")),
    Column("verdict", Text, nullable=False),
    Column("rationale", Text, nullable=False),
    Column("claim", Text),
    Column("fix", Text),
    Column("proposed_severity", Text),
    Column("amendment", JSONB),
    Column("evidence", JSONB, nullable=False, server_default=text("'[]'")),
    Column("provenance", JSONB),
    # The version that was read, and the one whose content it holds for (moved by confirm).
    Column("ticket_version", Integer, nullable=False),
    Column("content_version", Integer, nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("superseded_by", UUID),
    Column("answer", JSONB),
    Column("applied", JSONB),
    # It came with a document, which says it in words of its own.
    Column("imported", BOOLEAN, nullable=False, server_default=text("false")),
    CheckConstraint("verdict IN ('ENDORSE','NEUTRAL','REFINE','OBJECT','OTHER')", name="verdict"),
    Index("ix_reviews_ticket_id", "ticket_id", "created_at"),
    # At most one current review of a specialist on a ticket, whatever races. Those of reviewers
    # that a document does not name may be by different people.
    Index(
        "uq_reviews_current",
        "ticket_id",
        "specialist",
        unique=True,
        postgresql_where=text("superseded_by IS NULL AND specialist <> 'unknown'"),
    ),
    Index(
        "ix_reviews_verdict", "verdict", "ticket_id", postgresql_where=text("superseded_by IS NULL")
    ),
)

review_leases = Table(
    "review_leases",
    metadata,
    # The key makes a lease exclusive: one holder of a ticket per specialist, whatever races.
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("specialist", ForeignKey("specialists.name"), primary_key=True),
    Column("account_id", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("expires_at", Timestamp, nullable=False),
    Index("ix_review_leases_account_id", "account_id", "specialist"),
)
