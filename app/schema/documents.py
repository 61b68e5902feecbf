"""Documents that tickets came from, and what of them the other tables cannot hold."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.schema.base import Timestamp, metadata

ticket_documents = Table(
    "ticket_documents",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("source_path", Text, nullable=False, unique=True),
    # What the folder says of the ticket; null for a folder that says nothing.
    Column("folder", Text),
    # Whose word the ticket's status was at the import.
    Column("status_from", Text, nullable=False, server_default="document"),
    Column("content", LargeBinary, nullable=False),
    Column("digest", Text, nullable=False),
    # The ticket as the import left it: what differs from this now was changed here since.
    Column("facts", JSONB, nullable=False),
    # By which another project's document is read; null for one in the own format.
    Column("layout", JSONB(none_as_null=True)),
    Column("imported_at", Timestamp, nullable=False, server_default=func.now()),
    Column("imported_by", ForeignKey("accounts.id"), nullable=False),
    CheckConstraint("status_from IN ('document','folder')", name="status_from"),
    Index("ix_ticket_documents_folder", "folder", postgresql_where=text("folder IS NOT NULL")),
)

pending_relations = Table(
    "pending_relations",
    metadata,
    # What a document relates its ticket to while there is no such ticket.
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("note", Text),
    CheckConstraint(
        "kind IN ('related','duplicate-of','duplicated-by','blocks','blocked-by')", name="kind"
    ),
    Index("ix_pending_relations_key", "key"),
)
