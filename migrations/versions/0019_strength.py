"""Mutants, what is known of them, and the strength of tickets' tests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and let runs measure strength."""
    op.drop_constraint("kind", "runs", type_="check")
    op.create_check_constraint("kind", "runs", "kind IN ('check','proof','strength')")
    op.create_table(
        "run_mutants",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("function", sa.Text(), nullable=False),
        sa.Column("change", postgresql.JSONB(), nullable=False),
        sa.Column("diff", sa.Text(), nullable=False),
        sa.Column("by_fix", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("killed_by", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=True),
        sa.Column("suite_killed_by", sa.Text(), nullable=True),
        sa.Column("took_s", sa.Float(), nullable=True),
        sa.Column("reused", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_run_mutants"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_run_mutants_run_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("outcome IN ('killed','survived','timed-out','import')", name="outcome"),
    )
    op.create_index("ix_run_mutants_digest", "run_mutants", ["digest"])
    op.create_table(
        "mutant_results",
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("tests", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("killed_by", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=True),
        sa.Column("took_s", sa.Float(), nullable=False),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
        sa.PrimaryKeyConstraint("content", "tests", "environment", name="pk_mutant_results"),
    )
    op.create_index("ix_mutant_results_updated_at", "mutant_results", ["updated_at"])
    op.create_table(
        "mutant_verdicts",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("digest", name="pk_mutant_verdicts"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_mutant_verdicts_account_id"
        ),
        sa.CheckConstraint("verdict IN ('equivalent','accepted')", name="verdict"),
    )
    op.create_table(
        "ticket_strength",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("package_digest", sa.Text(), nullable=False),
        sa.Column("links_digest", sa.Text(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column(
            "measured_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ticket_strength"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_ticket_strength_ticket_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_ticket_strength_value", "ticket_strength", ["value"])


def downgrade() -> None:
    """Drop them, and the runs that measured strength."""
    op.drop_table("ticket_strength")
    op.drop_table("mutant_verdicts")
    op.drop_table("mutant_results")
    op.drop_table("run_mutants")
    op.execute("DELETE FROM runs WHERE kind = 'strength'")
    op.drop_constraint("kind", "runs", type_="check")
    op.create_check_constraint("kind", "runs", "kind IN ('check','proof')")
