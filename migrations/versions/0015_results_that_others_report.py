"""Results of tests that others report are kept beside their tickets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "external_results",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column(
            "ticket_id",
            sa.BigInteger(),
            sa.ForeignKey("tickets.id", ondelete="CASCADE", name="fk_external_results_ticket_id"),
            nullable=False,
        ),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text()),
        sa.Column("url", sa.Text()),
        sa.Column("message", sa.Text()),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("duration_s", sa.DOUBLE_PRECISION()),
        sa.Column("ran_at", sa.DateTime(timezone=True)),
        sa.Column(
            "reported_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "reported_by",
            sa.UUID(),
            sa.ForeignKey("accounts.id", name="fk_external_results_reported_by"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_external_results"),
    )
    op.create_index(
        "uq_external_results_ticket_node",
        "external_results",
        ["ticket_id", "source", "commit", "node_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "ix_external_results_newest", "external_results", ["ticket_id", "reported_at", "id"]
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("external_results")
