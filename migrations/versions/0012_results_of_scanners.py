"""Results of scanners are kept beside their tickets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "scanner_results",
        sa.Column(
            "ticket_id",
            sa.BigInteger(),
            sa.ForeignKey("tickets.id", ondelete="CASCADE", name="fk_scanner_results_ticket_id"),
            nullable=False,
        ),
        sa.Column("scanner", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("path", sa.Text()),
        sa.Column("line", sa.Integer()),
        sa.Column("symbol", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("says", sa.Text()),
        sa.Column(
            "prints", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.Column("reported", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("ticket_id", "scanner", name="pk_scanner_results"),
    )
    op.create_index("ix_scanner_results_rule", "scanner_results", ["scanner", "rule"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("scanner_results")
