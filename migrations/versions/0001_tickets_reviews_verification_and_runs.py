"""tickets, reviews, verification and runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.schema.audit import Xid8

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are never changed or removed'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_events_append_only
    BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_events_no_truncate
    BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

CHANGES_BELL = """
CREATE FUNCTION ring_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('findings_changes', '');
    RETURN NULL;
END $$;
CREATE TRIGGER audit_events_ring
    AFTER INSERT ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION ring_changes();
"""

SPECIALISTS = """
INSERT INTO specialists (name, code, label) VALUES
    ('drl', 'DRL', 'DRL Specialist'),
    ('pytorch', 'PT', 'PyTorch Specialist'),
    ('codereview', 'CR', 'Code Review Specialist'),
    ('human', 'HU', 'Human Reviewer');
"""


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('reader','reporter','reviewer','maintainer','admin')",
            name=op.f("ck_accounts_role"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", "labels", name=op.f("pk_counters")),
    )
    op.create_table(
        "key_counters",
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("batch", "code", name=op.f("pk_key_counters")),
    )
    op.create_table(
        "service_secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_service_secrets")),
    )
    op.create_table(
        "specialists",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("imported", sa.BOOLEAN(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("imported OR code IS NOT NULL", name=op.f("ck_specialists_code")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_specialists")),
        sa.UniqueConstraint("code", name=op.f("uq_specialists_code")),
    )
    op.create_table(
        "targets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("package_digest", sa.Text(), nullable=False),
        sa.Column("suite_digest", sa.Text(), nullable=False),
        sa.Column(
            "domains", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "errors", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "synced_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_targets")),
    )
    op.create_table(
        "texts",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_texts")),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "heartbeat_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), server_default="0", nullable=False),
        sa.Column("package_digest", sa.Text(), nullable=True),
        sa.Column("suite_digest", sa.Text(), nullable=True),
        sa.Column(
            "environment",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    op.create_table(
        "account_specialists",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("specialist", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_account_specialists_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["specialist"], ["specialists.name"], name=op.f("fk_account_specialists_specialist")
        ),
        sa.PrimaryKeyConstraint("account_id", "specialist", name=op.f("pk_account_specialists")),
    )
    op.create_table(
        "kept_answers",
        sa.Column("scope", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("status BETWEEN 200 AND 299", name=op.f("ck_kept_answers_success")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_kept_answers_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_kept_answers")),
    )
    op.create_index("ix_kept_answers_created_at", "kept_answers", ["created_at"], unique=False)
    op.create_table(
        "login_codes",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "octet_length(digest) = 32", name=op.f("ck_login_codes_digest_is_sha256")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_login_codes_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_codes")),
    )
    op.create_index("ix_login_codes_account_id", "login_codes", ["account_id"], unique=False)
    op.create_index("ix_login_codes_expires_at", "login_codes", ["expires_at"], unique=False)
    op.create_table(
        "tests",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=True),
        sa.Column(
            "findings", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("purpose", sa.Text(), server_default="demonstrates", nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("last_outcome", sa.Text(), nullable=True),
        sa.Column("flakes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_flake_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["target"], ["targets.name"], name=op.f("fk_tests_target"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("target", "node_id", name=op.f("pk_tests")),
    )
    op.create_index(
        "ix_tests_findings", "tests", ["findings"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sort_key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column(
            "domains", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "domain_paths",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "categories",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("reported_on", sa.Date(), nullable=True),
        sa.Column("external_ref", sa.Text(), nullable=True),
        sa.Column(
            "commits", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("resolution_text", sa.Text(), nullable=True),
        sa.Column(
            "closure", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column(
            "testability", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column(
            "reports",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("content_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("evidence_state", sa.Text(), server_default="none", nullable=False),
        sa.Column("evidence_stale", sa.BOOLEAN(), server_default=sa.text("false"), nullable=False),
        sa.Column("decision", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("last_attempt", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("search", postgresql.TSVECTOR(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "(status = 'closed' AND (resolution IS NULL OR resolution IN ('fixed','already-fixed','not-a-bug','duplicate'))) OR (status = 'wont-fix' AND resolution = 'wont-fix') OR (status NOT IN ('closed','wont-fix') AND resolution IS NULL)",
            name=op.f("ck_tickets_resolution"),
        ),
        sa.CheckConstraint(
            "severity IN ('P0','P1','P2','P3','P4')", name=op.f("ck_tickets_severity")
        ),
        sa.CheckConstraint(
            "status IN ('open','investigating','fix-in-progress','in-review','closed','wont-fix')",
            name=op.f("ck_tickets_status"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["accounts.id"], name=op.f("fk_tickets_created_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint(
            "created_by", "external_ref", name=op.f("uq_tickets_created_by_external_ref")
        ),
        sa.UniqueConstraint("key", name=op.f("uq_tickets_key")),
    )
    op.create_index(
        "ix_tickets_agent",
        "tickets",
        ["agent", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_tickets_batch",
        "tickets",
        ["batch", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_tickets_categories", "tickets", ["categories"], unique=False, postgresql_using="gin"
    )
    op.create_index(
        "ix_tickets_created",
        "tickets",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_tickets_domain_paths", "tickets", ["domain_paths"], unique=False, postgresql_using="gin"
    )
    op.create_index(
        "ix_tickets_evidence",
        "tickets",
        ["evidence_state", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_tickets_ready",
        "tickets",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text(
            "(status NOT IN ('closed','wont-fix')) AND ((evidence_state = 'proven' AND NOT evidence_stale) OR (commits <> '{}' AND (evidence_state = 'not-covered' OR coalesce(testability ->> 'state' = 'not-testable', false))))"
        ),
    )
    op.create_index(
        "ix_tickets_review_queue",
        "tickets",
        ["severity", "id"],
        unique=False,
        postgresql_where=sa.text("status NOT IN ('closed','wont-fix')"),
    )
    op.create_index(
        "ix_tickets_search", "tickets", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_index(
        "ix_tickets_severity",
        "tickets",
        ["severity", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("ix_tickets_sort_key", "tickets", ["sort_key"], unique=False)
    op.create_index(
        "ix_tickets_status",
        "tickets",
        ["status", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_tickets_updated",
        "tickets",
        [sa.literal_column("updated_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('reader','reporter','reviewer','maintainer','admin')",
            name=op.f("ck_tokens_role"),
        ),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_tokens_digest_is_sha256")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_tokens_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
    )
    op.create_index("ix_tokens_account_id", "tokens", ["account_id"], unique=False)
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_id", sa.UUID(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column(
            "changes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_audit_events_actor_id")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_audit_events_ticket_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_actor_id", "audit_events", ["actor_id", "id"], unique=False)
    op.create_index(
        "ix_audit_events_ended",
        "audit_events",
        ["at"],
        unique=False,
        postgresql_where=sa.text("(changes #>> '{status,1}') IN ('closed','wont-fix')"),
    )
    op.create_index("ix_audit_events_ticket_id", "audit_events", ["ticket_id", "id"], unique=False)
    op.create_index("ix_audit_events_xid", "audit_events", ["xid", "id"], unique=False)
    op.create_table(
        "checklist_items",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("done", sa.BOOLEAN(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_checklist_items_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_items")),
    )
    op.create_index(
        "ix_checklist_items_ticket_id", "checklist_items", ["ticket_id", "position"], unique=False
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.UUID(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["author_id"], ["accounts.id"], name=op.f("fk_notes_author_id")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_notes_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_index("ix_notes_ticket_id", "notes", ["ticket_id", "created_at"], unique=False)
    op.create_table(
        "pending_relations",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('related','duplicate-of','duplicated-by','blocks','blocked-by')",
            name=op.f("ck_pending_relations_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_pending_relations_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ticket_id", "key", "kind", name=op.f("pk_pending_relations")),
    )
    op.create_index("ix_pending_relations_key", "pending_relations", ["key"], unique=False)
    op.create_table(
        "review_leases",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("specialist", sa.Text(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_review_leases_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["specialist"], ["specialists.name"], name=op.f("fk_review_leases_specialist")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_review_leases_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ticket_id", "specialist", name=op.f("pk_review_leases")),
    )
    op.create_index(
        "ix_review_leases_account_id", "review_leases", ["account_id", "specialist"], unique=False
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("specialist", sa.Text(), nullable=False),
        sa.Column("author_id", sa.UUID(), nullable=False),
        sa.Column("on_behalf", sa.BOOLEAN(), server_default=sa.text("false"), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("rationale", sa.Text(), nullable=False),
        sa.Column("claim", sa.Text(), nullable=True),
        sa.Column("fix", sa.Text(), nullable=True),
        sa.Column("proposed_severity", sa.Text(), nullable=True),
        sa.Column("amendment", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "evidence",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("provenance", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("ticket_version", sa.Integer(), nullable=False),
        sa.Column("content_version", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("superseded_by", sa.UUID(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("applied", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("imported", sa.BOOLEAN(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('ENDORSE','NEUTRAL','REFINE','OBJECT','OTHER')",
            name=op.f("ck_reviews_verdict"),
        ),
        sa.ForeignKeyConstraint(["author_id"], ["accounts.id"], name=op.f("fk_reviews_author_id")),
        sa.ForeignKeyConstraint(
            ["specialist"], ["specialists.name"], name=op.f("fk_reviews_specialist")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_reviews_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    op.create_index("ix_reviews_ticket_id", "reviews", ["ticket_id", "created_at"], unique=False)
    op.create_index(
        "ix_reviews_verdict",
        "reviews",
        ["verdict", "ticket_id"],
        unique=False,
        postgresql_where=sa.text("superseded_by IS NULL"),
    )
    op.create_index(
        "uq_reviews_current",
        "reviews",
        ["ticket_id", "specialist"],
        unique=True,
        postgresql_where=sa.text("superseded_by IS NULL AND specialist <> 'unknown'"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.UUID(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("repeats", sa.Integer(), server_default="1", nullable=False),
        sa.Column("force", sa.BOOLEAN(), server_default=sa.text("false"), nullable=False),
        sa.Column("reused_from", sa.UUID(), nullable=True),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("package_digest", sa.Text(), nullable=False),
        sa.Column("plan_key", sa.Text(), nullable=False),
        sa.Column("decided", sa.Text(), nullable=True),
        sa.Column(
            "also_broken",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column(
            "environment",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'finished') = (outcome IS NOT NULL)", name=op.f("ck_runs_outcome")
        ),
        sa.CheckConstraint("kind IN ('check','proof')", name=op.f("ck_runs_kind")),
        sa.CheckConstraint(
            "status IN ('queued','running','finished','cancelled')", name=op.f("ck_runs_status")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["accounts.id"], name=op.f("fk_runs_requested_by")
        ),
        sa.ForeignKeyConstraint(["target"], ["targets.name"], name=op.f("fk_runs_target")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_runs_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(
        "ix_runs_plan_key",
        "runs",
        ["plan_key", sa.literal_column("finished_at DESC")],
        unique=False,
    )
    op.create_index(
        "ix_runs_queued_at",
        "runs",
        [sa.literal_column("queued_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_runs_status", "runs", ["status", sa.literal_column("queued_at DESC")], unique=False
    )
    op.create_index(
        "ix_runs_ticket_id",
        "runs",
        ["ticket_id", sa.literal_column("queued_at DESC")],
        unique=False,
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("token_id", sa.UUID(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("previous_visit_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_sessions_digest_is_sha256")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_sessions_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["token_id"], ["tokens.id"], name=op.f("fk_sessions_token_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"], unique=False)
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], unique=False)
    op.create_index("ix_sessions_token_id", "sessions", ["token_id"], unique=False)
    op.create_table(
        "submitted_tests",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), server_default="demonstrates", nullable=False),
        sa.Column("node_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("author_id", sa.UUID(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "purpose IN ('demonstrates','guards')", name=op.f("ck_submitted_tests_purpose")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_submitted_tests_author_id")
        ),
        sa.ForeignKeyConstraint(
            ["digest"], ["texts.digest"], name=op.f("fk_submitted_tests_digest")
        ),
        sa.ForeignKeyConstraint(
            ["target"], ["targets.name"], name=op.f("fk_submitted_tests_target")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_submitted_tests_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submitted_tests")),
    )
    op.create_index(
        "uq_submitted_tests_ticket_path", "submitted_tests", ["ticket_id", "path"], unique=True
    )
    op.create_table(
        "ticket_documents",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("source_path", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=True),
        sa.Column("status_from", sa.Text(), server_default="document", nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "imported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("imported_by", sa.UUID(), nullable=False),
        sa.CheckConstraint(
            "status_from IN ('document','folder')", name=op.f("ck_ticket_documents_status_from")
        ),
        sa.ForeignKeyConstraint(
            ["imported_by"], ["accounts.id"], name=op.f("fk_ticket_documents_imported_by")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_documents_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_documents")),
        sa.UniqueConstraint("source_path", name=op.f("uq_ticket_documents_source_path")),
    )
    op.create_index(
        "ix_ticket_documents_folder",
        "ticket_documents",
        ["folder"],
        unique=False,
        postgresql_where=sa.text("folder IS NOT NULL"),
    )
    op.create_table(
        "ticket_locations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("start_line", sa.Integer(), nullable=True),
        sa.Column("end_line", sa.Integer(), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "coalesce(path, symbol, note) IS NOT NULL",
            name=op.f("ck_ticket_locations_says_something"),
        ),
        sa.CheckConstraint(
            "end_line IS NULL OR end_line >= start_line", name=op.f("ck_ticket_locations_end_line")
        ),
        sa.CheckConstraint(
            "start_line IS NULL OR start_line >= 1", name=op.f("ck_ticket_locations_start_line")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_locations_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_locations")),
    )
    op.create_index(
        "ix_ticket_locations_path",
        "ticket_locations",
        [sa.literal_column("left(path, 600)"), "start_line"],
        unique=False,
    )
    op.create_index(
        "ix_ticket_locations_symbol", "ticket_locations", ["symbol", "ticket_id"], unique=False
    )
    op.create_index(
        "ix_ticket_locations_ticket_id", "ticket_locations", ["ticket_id", "position"], unique=False
    )
    op.create_table(
        "ticket_patches",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("applies", sa.Text(), nullable=False),
        sa.Column("author_id", sa.UUID(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "applies IN ('forward','reverse','no')", name=op.f("ck_ticket_patches_applies")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_ticket_patches_author_id")
        ),
        sa.ForeignKeyConstraint(
            ["digest"], ["texts.digest"], name=op.f("fk_ticket_patches_digest")
        ),
        sa.ForeignKeyConstraint(
            ["target"], ["targets.name"], name=op.f("fk_ticket_patches_target")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_patches_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ticket_id", "name", name=op.f("pk_ticket_patches")),
    )
    op.create_table(
        "ticket_relations",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("by_other", sa.BOOLEAN(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "kind <> 'related' OR ticket_id < other_id",
            name=op.f("ck_ticket_relations_related_once"),
        ),
        sa.CheckConstraint(
            "kind IN ('related','duplicate-of','blocks')", name=op.f("ck_ticket_relations_kind")
        ),
        sa.CheckConstraint("ticket_id <> other_id", name=op.f("ck_ticket_relations_not_itself")),
        sa.ForeignKeyConstraint(
            ["other_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_relations_other_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_relations_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ticket_id", "other_id", "kind", name=op.f("pk_ticket_relations")),
    )
    op.create_index("ix_ticket_relations_other_id", "ticket_relations", ["other_id"], unique=False)
    op.create_table(
        "ticket_sections",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_sections_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_sections")),
    )
    op.create_index(
        "ix_ticket_sections_ticket_id", "ticket_sections", ["ticket_id", "position"], unique=False
    )
    op.create_table(
        "run_arms",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("patch", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("package_digest", sa.Text(), nullable=False),
        sa.Column("results", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_run_arms_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_arms")),
    )
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BIGINT(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_run_events_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "attempt", "seq", name=op.f("pk_run_events")),
    )
    op.create_table(
        "test_links",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), server_default="demonstrates", nullable=False),
        sa.Column("origin", sa.Text(), server_default="manual", nullable=False),
        sa.Column("checklist_item_id", sa.UUID(), nullable=True),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("origin IN ('manual','submitted')", name=op.f("ck_test_links_origin")),
        sa.CheckConstraint(
            "purpose IN ('demonstrates','guards')", name=op.f("ck_test_links_purpose")
        ),
        sa.ForeignKeyConstraint(
            ["checklist_item_id"],
            ["checklist_items.id"],
            name=op.f("fk_test_links_checklist_item_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["accounts.id"], name=op.f("fk_test_links_created_by")
        ),
        sa.ForeignKeyConstraint(["target"], ["targets.name"], name=op.f("fk_test_links_target")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_test_links_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_links")),
    )
    op.create_index(
        "ix_test_links_checklist_item_id", "test_links", ["checklist_item_id"], unique=False
    )
    op.create_index(
        "uq_test_links_ticket_node", "test_links", ["ticket_id", "node_id"], unique=True
    )
    op.execute(APPEND_ONLY)
    op.execute(CHANGES_BELL)
    op.execute(SPECIALISTS)


def downgrade() -> None:
    op.drop_index("uq_test_links_ticket_node", table_name="test_links")
    op.drop_index("ix_test_links_checklist_item_id", table_name="test_links")
    op.drop_table("test_links")
    op.drop_table("run_events")
    op.drop_table("run_arms")
    op.drop_index("ix_ticket_sections_ticket_id", table_name="ticket_sections")
    op.drop_table("ticket_sections")
    op.drop_index("ix_ticket_relations_other_id", table_name="ticket_relations")
    op.drop_table("ticket_relations")
    op.drop_table("ticket_patches")
    op.drop_index("ix_ticket_locations_ticket_id", table_name="ticket_locations")
    op.drop_index("ix_ticket_locations_symbol", table_name="ticket_locations")
    op.drop_index("ix_ticket_locations_path", table_name="ticket_locations")
    op.drop_table("ticket_locations")
    op.drop_index(
        "ix_ticket_documents_folder",
        table_name="ticket_documents",
        postgresql_where=sa.text("folder IS NOT NULL"),
    )
    op.drop_table("ticket_documents")
    op.drop_index("uq_submitted_tests_ticket_path", table_name="submitted_tests")
    op.drop_table("submitted_tests")
    op.drop_index("ix_sessions_token_id", table_name="sessions")
    op.drop_index("ix_sessions_expires_at", table_name="sessions")
    op.drop_index("ix_sessions_account_id", table_name="sessions")
    op.drop_table("sessions")
    op.drop_index("ix_runs_ticket_id", table_name="runs")
    op.drop_index("ix_runs_status", table_name="runs")
    op.drop_index("ix_runs_queued_at", table_name="runs")
    op.drop_index("ix_runs_plan_key", table_name="runs")
    op.drop_table("runs")
    op.drop_index(
        "uq_reviews_current",
        table_name="reviews",
        postgresql_where=sa.text("superseded_by IS NULL AND specialist <> 'unknown'"),
    )
    op.drop_index(
        "ix_reviews_verdict",
        table_name="reviews",
        postgresql_where=sa.text("superseded_by IS NULL"),
    )
    op.drop_index("ix_reviews_ticket_id", table_name="reviews")
    op.drop_table("reviews")
    op.drop_index("ix_review_leases_account_id", table_name="review_leases")
    op.drop_table("review_leases")
    op.drop_index("ix_pending_relations_key", table_name="pending_relations")
    op.drop_table("pending_relations")
    op.drop_index("ix_notes_ticket_id", table_name="notes")
    op.drop_table("notes")
    op.drop_index("ix_checklist_items_ticket_id", table_name="checklist_items")
    op.drop_table("checklist_items")
    op.drop_index("ix_audit_events_xid", table_name="audit_events")
    op.drop_index("ix_audit_events_ticket_id", table_name="audit_events")
    op.drop_index(
        "ix_audit_events_ended",
        table_name="audit_events",
        postgresql_where=sa.text("(changes #>> '{status,1}') IN ('closed','wont-fix')"),
    )
    op.drop_index("ix_audit_events_actor_id", table_name="audit_events")
    op.drop_table("audit_events")
    op.drop_index("ix_tokens_account_id", table_name="tokens")
    op.drop_table("tokens")
    op.drop_index("ix_tickets_updated", table_name="tickets")
    op.drop_index("ix_tickets_status", table_name="tickets")
    op.drop_index("ix_tickets_sort_key", table_name="tickets")
    op.drop_index("ix_tickets_severity", table_name="tickets")
    op.drop_index("ix_tickets_search", table_name="tickets", postgresql_using="gin")
    op.drop_index(
        "ix_tickets_review_queue",
        table_name="tickets",
        postgresql_where=sa.text("status NOT IN ('closed','wont-fix')"),
    )
    op.drop_index(
        "ix_tickets_ready",
        table_name="tickets",
        postgresql_where=sa.text(
            "(status NOT IN ('closed','wont-fix')) AND ((evidence_state = 'proven' AND NOT evidence_stale) OR (commits <> '{}' AND (evidence_state = 'not-covered' OR coalesce(testability ->> 'state' = 'not-testable', false))))"
        ),
    )
    op.drop_index("ix_tickets_evidence", table_name="tickets")
    op.drop_index("ix_tickets_domain_paths", table_name="tickets", postgresql_using="gin")
    op.drop_index("ix_tickets_created", table_name="tickets")
    op.drop_index("ix_tickets_categories", table_name="tickets", postgresql_using="gin")
    op.drop_index("ix_tickets_batch", table_name="tickets")
    op.drop_index("ix_tickets_agent", table_name="tickets")
    op.drop_table("tickets")
    op.drop_index("ix_tests_findings", table_name="tests", postgresql_using="gin")
    op.drop_table("tests")
    op.drop_index("ix_login_codes_expires_at", table_name="login_codes")
    op.drop_index("ix_login_codes_account_id", table_name="login_codes")
    op.drop_table("login_codes")
    op.drop_index("ix_kept_answers_created_at", table_name="kept_answers")
    op.drop_table("kept_answers")
    op.drop_table("account_specialists")
    op.drop_table("workers")
    op.drop_table("texts")
    op.drop_table("targets")
    op.drop_table("specialists")
    op.drop_table("service_secrets")
    op.drop_table("key_counters")
    op.drop_table("counters")
    op.drop_table("accounts")
    op.execute("DROP FUNCTION refuse_change")
    op.execute("DROP FUNCTION ring_changes")
