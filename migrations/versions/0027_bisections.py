"""Bisections, their steps, looks that are kept, and what tickets say of their history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_KINDS = "kind IN ('check','proof','strength'{more})"


def upgrade() -> None:
    """Make the tables, and let runs bisect."""
    op.drop_constraint("kind", "runs", type_="check")
    op.create_check_constraint("kind", "runs", _KINDS.format(more=",'bisection'"))
    op.add_column("tickets", sa.Column("bisected", postgresql.JSONB(), nullable=True))
    op.create_table(
        "bisections",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("telling", postgresql.JSONB(), nullable=True),
        sa.Column("found", postgresql.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name="pk_bisections"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_bisections_run_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "bisection_steps",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("glances", postgresql.JSONB(), nullable=False),
        sa.Column("reused", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_bisection_steps"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_bisection_steps_run_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("outcome IN ('good','bad','skip')", name="outcome"),
    )
    op.create_table(
        "revision_looks",
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("tests", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("glances", postgresql.JSONB(), nullable=False),
        sa.Column("arms", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
        sa.PrimaryKeyConstraint("tree", "tests", "environment", name="pk_revision_looks"),
    )
    op.create_index("ix_revision_looks_updated_at", "revision_looks", ["updated_at"])


def downgrade() -> None:
    """Drop them, and the runs that bisected."""
    op.drop_table("revision_looks")
    op.drop_table("bisection_steps")
    op.drop_table("bisections")
    op.drop_column("tickets", "bisected")
    op.execute("DELETE FROM runs WHERE kind = 'bisection'")
    op.drop_constraint("kind", "runs", type_="check")
    op.create_check_constraint("kind", "runs", _KINDS.format(more=""))
