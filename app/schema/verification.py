"""What can be run: targets, the catalogue of tests, links and patches."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from app.schema.base import Timestamp, metadata

targets = Table(
    "targets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("package_digest", Text, nullable=False),
    Column("suite_digest", Text, nullable=False),
    Column("domains", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("errors", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # Digests of the suite's test files by path: a test may import others.
    Column("test_files", JSONB, nullable=False, server_default=text("'{}'")),
    # Of all other files of the suite.
    Column("support_digest", Text, nullable=False, server_default=""),
    # Digests of the environments of the workers that live; empty while none does.
    Column("environments", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # The commit that is in force; a folder has none.
    Column("revision", Text),
    Column("synced_at", Timestamp, nullable=False, server_default=func.now()),
)

target_revisions = Table(
    "target_revisions",
    metadata,
    # What was in force, one after the other: the revisions of a folder, and what sweeps compare.
    Column("target", ForeignKey("targets.name", ondelete="CASCADE"), primary_key=True),
    # From 1.
    Column("number", Integer, primary_key=True),
    Column("package_digest", Text, nullable=False),
    Column("revision", Text),
    Column("seen_at", Timestamp, nullable=False, server_default=func.now()),
)

tests = Table(
    "tests",
    metadata,
    Column("target", ForeignKey("targets.name", ondelete="CASCADE"), primary_key=True),
    Column("node_id", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("doc", Text),
    Column("findings", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("purpose", Text, nullable=False, server_default="demonstrates"),
    # Of the test's file and the support files of the suite.
    Column("digest", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("last_outcome", Text),
    # How often repeats of one arm disagreed, and when that was seen last.
    Column("flakes", Integer, nullable=False, server_default="0"),
    Column("last_flake_at", Timestamp),
    # What is odd about its marks.
    Column("warnings", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Index("ix_tests_findings", "findings", postgresql_using="gin"),
)

test_links = Table(
    "test_links",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("target", ForeignKey("targets.name"), nullable=False),
    # May name a file, a class, a test or one parameter of it.
    Column("node_id", Text, nullable=False),
    Column("purpose", Text, nullable=False, server_default="demonstrates"),
    Column("origin", Text, nullable=False, server_default="manual"),
    # RESTRICT: an item that tests stand behind cannot be removed.
    Column("checklist_item_id", ForeignKey("checklist_items.id", ondelete="RESTRICT")),
    Column("created_by", ForeignKey("accounts.id"), nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    CheckConstraint("purpose IN ('demonstrates','guards')", name="purpose"),
    CheckConstraint("origin IN ('manual','submitted')", name="origin"),
    Index("uq_test_links_ticket_node", "ticket_id", "node_id", unique=True),
    Index("ix_test_links_checklist_item_id", "checklist_item_id"),
)

submitted_tests = Table(
    "submitted_tests",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("target", ForeignKey("targets.name"), nullable=False),
    Column("filename", Text, nullable=False),
    # Where the file stands in an arm, relative to the project's root.
    Column("path", Text, nullable=False),
    Column("digest", ForeignKey("texts.digest"), nullable=False),
    Column("purpose", Text, nullable=False, server_default="demonstrates"),
    Column("node_ids", ARRAY(Text), nullable=False),
    Column("author_id", ForeignKey("accounts.id"), nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    CheckConstraint("purpose IN ('demonstrates','guards')", name="purpose"),
    Index("uq_submitted_tests_ticket_path", "ticket_id", "path", unique=True),
)

texts = Table(
    "texts",
    metadata,
    # Patches and submitted tests by SHA-256: the same text is stored once and never changed, so
    # a run finds what it was frozen with whatever happens to the ticket.
    Column("digest", Text, primary_key=True),
    Column("text", Text, nullable=False),
)

ticket_patches = Table(
    "ticket_patches",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("target", ForeignKey("targets.name"), nullable=False),
    Column("digest", ForeignKey("texts.digest"), nullable=False),
    Column("applies", Text, nullable=False),
    Column("author_id", ForeignKey("accounts.id"), nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    CheckConstraint("applies IN ('forward','reverse','no')", name="applies"),
)
