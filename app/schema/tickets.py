"""Tickets and their parts."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BOOLEAN, JSONB, TSVECTOR, UUID

from app.schema.base import Timestamp, metadata

_EMPTY = text("'{}'")

IS_OPEN = "(status NOT IN ('closed','wont-fix'))"
EVIDENCE_ALLOWS_FIXED = "(evidence_state = 'proven' AND NOT evidence_stale)"
"""What the gate of ``fixed`` asks of evidence (app.domain.gates), word for word as lists ask for
it: only then can they use the index."""

CLOSED_WITHOUT_EVIDENCE = (
    "coalesce(resolution = 'fixed' AND (closure ->> 'waiver' IS NOT NULL"
    """ OR closure -> 'overridden' @> '"evidence"' OR closure -> 'overridden' @> '"waiver"'),"""
    " false)"
)
"""A maintainer closed the ticket as fixed by a waiver, or overrode what evidence asks for."""

tickets = Table(
    "tickets",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("sort_key", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="open"),
    Column("resolution", Text),
    Column("batch", Integer, nullable=False),
    Column("agent", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("domains", ARRAY(Text), nullable=False, server_default=_EMPTY),
    # The domains and all their ancestors: "a/b" is found under "a".
    Column("domain_paths", ARRAY(Text), nullable=False, server_default=_EMPTY),
    # What its domains place it with; null: no target covers it.
    Column("target", Text),
    Column("categories", ARRAY(Text), nullable=False, server_default=_EMPTY),
    Column("assignee", Text),
    Column("reported_on", Date),
    Column("external_ref", Text),
    Column("commits", ARRAY(Text), nullable=False, server_default=_EMPTY),
    # Those of them that the repository of its target lacks: they count for no gate.
    Column("unknown_commits", ARRAY(Text), nullable=False, server_default=_EMPTY),
    Column("resolution_text", Text),
    # {by, at, reason, overridden, waiver} of the step to a final status; null before and after it.
    Column("closure", JSONB(none_as_null=True)),
    # {state, reason, by, at} once a reviewer said whether a test can decide the claim.
    Column("testability", JSONB(none_as_null=True)),
    Column("reports", JSONB, nullable=False, server_default=text("'[]'")),
    Column("version", Integer, nullable=False, server_default="1"),
    # The version at which what reviews speak about last changed.
    Column("content_version", Integer, nullable=False, server_default="1"),
    Column("created_by", ForeignKey("accounts.id"), nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
    # Evidence: what the deciding run showed, and the digests it rests on.
    Column("evidence_state", Text, nullable=False, server_default="none"),
    Column("evidence_stale", BOOLEAN, nullable=False, server_default=text("false")),
    # Why it is stale, and what speaks against it: {flaky, figures, contradicted_by}.
    Column("evidence_stale_reason", Text),
    Column("evidence_doubt", JSONB(none_as_null=True)),
    Column("decision", JSONB),
    Column("last_attempt", JSONB),
    # {links, introduced_in, fixed_in}: what bisections found with the tests of this digest.
    Column("bisected", JSONB(none_as_null=True)),
    # What full text finds the ticket by: its own text and that of its parts, bounded in size.
    Column("search", TSVECTOR, nullable=False, server_default=text("''")),
    # The words of an imported document, where they are no severity: that is unknown, and sorted
    # with the gravest.
    Column("severity_raw", Text),
    # The strength of its tests, 0 to 1; 2 where it is not known or out of date.
    Column("strength_rank", Float, nullable=False, server_default="2"),
    UniqueConstraint("created_by", "external_ref"),
    CheckConstraint("severity IN ('P0','P1','P2','P3','P4')", name="severity"),
    CheckConstraint(
        "status IN ('open','investigating','fix-in-progress','in-review','closed','wont-fix')",
        name="status",
    ),
    CheckConstraint(
        # Imported documents may say "closed" and not why.
        "(status = 'closed' AND (resolution IS NULL"
        " OR resolution IN ('fixed','already-fixed','not-a-bug','duplicate')))"
        " OR (status = 'wont-fix' AND resolution = 'wont-fix')"
        " OR (status NOT IN ('closed','wont-fix') AND resolution IS NULL)",
        name="resolution",
    ),
    Index("ix_tickets_created", text("created_at DESC"), text("id DESC")),
    Index("ix_tickets_updated", text("updated_at DESC"), text("id DESC")),
    Index("ix_tickets_sort_key", "sort_key"),
    Index("ix_tickets_target", "target"),
    Index("ix_tickets_strength_rank", "strength_rank", "id"),
    Index("ix_tickets_severity", "severity", text("created_at DESC"), text("id DESC")),
    Index("ix_tickets_status", "status", text("created_at DESC"), text("id DESC")),
    Index("ix_tickets_batch", "batch", text("created_at DESC"), text("id DESC")),
    Index("ix_tickets_agent", "agent", text("created_at DESC"), text("id DESC")),
    Index("ix_tickets_evidence", "evidence_state", text("created_at DESC"), text("id DESC")),
    Index(
        "ix_tickets_assignee",
        "assignee",
        text("created_at DESC"),
        text("id DESC"),
        postgresql_where=text("assignee IS NOT NULL"),
    ),
    Index("ix_tickets_created_by", "created_by", text("created_at DESC"), text("id DESC")),
    Index(
        "ix_tickets_resolution",
        "resolution",
        text("created_at DESC"),
        text("id DESC"),
        postgresql_where=text("resolution IS NOT NULL"),
    ),
    Index(
        "ix_tickets_stale",
        text("created_at DESC"),
        text("id DESC"),
        postgresql_where=text("evidence_stale"),
    ),
    # What still wants review, the gravest first and among those the oldest.
    Index(
        "ix_tickets_review_queue",
        "severity",
        "id",
        postgresql_where=text("status NOT IN ('closed','wont-fix')"),
    ),
    Index(
        "ix_tickets_ready",
        text("created_at DESC"),
        text("id DESC"),
        postgresql_where=text(f"{IS_OPEN} AND {EVIDENCE_ALLOWS_FIXED}"),
    ),
    Index(
        "ix_tickets_waived",
        text("created_at DESC"),
        text("id DESC"),
        postgresql_where=text(CLOSED_WITHOUT_EVIDENCE),
    ),
    Index("ix_tickets_domain_paths", "domain_paths", postgresql_using="gin"),
    Index("ix_tickets_categories", "categories", postgresql_using="gin"),
    # Each search goes through the list of new entries, which is 4 MB by default.
    Index(
        "ix_tickets_search",
        "search",
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 1024},
    ),
)

# Without a foreign key: to check it for each of some forty rows would cost a filing more than all
# else here. A key of a ticket that is gone is found and joined with nothing.
ticket_similarity_keys = Table(
    "ticket_similarity_keys",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("ticket_id", BigInteger, primary_key=True),
)

key_counters = Table(
    "key_counters",
    metadata,
    Column("batch", Integer, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("last", BigInteger, nullable=False, server_default="0"),
)

ticket_sections = Table(
    "ticket_sections",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("heading", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_ticket_sections_ticket_id", "ticket_id", "position"),
)

ticket_locations = Table(
    "ticket_locations",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("path", Text),
    Column("start_line", Integer),
    Column("end_line", Integer),
    Column("symbol", Text),
    Column("note", Text),
    # What it held when it was filed (app.domain.places.Filed), and what became of that by the tree
    # whose digest was looked up last.
    Column("filed", JSONB(none_as_null=True)),
    Column("state", Text, nullable=False, server_default="unknown"),
    Column("now_path", Text),
    Column("now_start", Integer),
    Column("now_end", Integer),
    Column("looked_up", Text),
    CheckConstraint("state IN ('exact','moved','changed','gone','unknown')", name="state"),
    CheckConstraint("start_line IS NULL OR start_line >= 1", name="start_line"),
    CheckConstraint("end_line IS NULL OR end_line >= start_line", name="end_line"),
    CheckConstraint("coalesce(path, symbol, note) IS NOT NULL", name="says_something"),
    Index("ix_ticket_locations_ticket_id", "ticket_id", "position"),
    # For tickets about the same lines, and about the same symbol.
    # A path may have more bytes than an index entry: 600 characters are at most 2400.
    Index("ix_ticket_locations_path", text("left(path, 600)"), "start_line"),
    Index("ix_ticket_locations_symbol", "symbol", "ticket_id"),
    Index("ix_ticket_locations_state", "state", "ticket_id"),
)

checklist_items = Table(
    "checklist_items",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("done", BOOLEAN, nullable=False, server_default=text("false")),
    Index("ix_checklist_items_ticket_id", "ticket_id", "position"),
)

ticket_relations = Table(
    "ticket_relations",
    metadata,
    # A relation is kept once, in its stored direction; the other side is derived. "related" has
    # no direction: the smaller id comes first.
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("other_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("note", Text),
    # It belongs to the document of other_id, which states it, and not to that of ticket_id.
    Column("by_other", BOOLEAN, nullable=False, server_default=text("false")),
    CheckConstraint("kind IN ('related','duplicate-of','blocks')", name="kind"),
    CheckConstraint("ticket_id <> other_id", name="not_itself"),
    CheckConstraint("kind <> 'related' OR ticket_id < other_id", name="related_once"),
    Index("ix_ticket_relations_other_id", "other_id"),
)

notes = Table(
    "notes",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("author_id", ForeignKey("accounts.id"), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    Index("ix_notes_ticket_id", "ticket_id", "created_at"),
)
