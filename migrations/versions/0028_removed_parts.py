"""Parts of tickets that were removed a moment ago, to be put back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "removed_parts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("part", postgresql.JSONB(), nullable=False),
        sa.Column(
            "removed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
        sa.PrimaryKeyConstraint("id", name="pk_removed_parts"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_removed_parts_ticket_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_removed_parts_account_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("kind IN ('patch','test','file','note')", name="kind"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("removed_parts")
