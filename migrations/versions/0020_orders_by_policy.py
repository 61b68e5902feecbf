"""Work orders that the service places by itself have no maker."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the column be null."""
    op.alter_column("work_orders", "created_by", nullable=True)


def downgrade() -> None:
    """Take away what nobody placed; nothing is lost that the policy would not place again."""
    op.execute("DELETE FROM work_orders WHERE created_by IS NULL")
    op.alter_column("work_orders", "created_by", nullable=False)
