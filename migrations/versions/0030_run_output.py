"""Whether an arm still has what its tests printed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark all arms as those that have it."""
    op.add_column(
        "run_arms", sa.Column("printed", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.create_index(
        "ix_run_arms_printed", "run_arms", ["run_id"], postgresql_where=sa.text("printed")
    )


def downgrade() -> None:
    """Forget it; what was removed does not come back."""
    op.drop_index("ix_run_arms_printed", "run_arms")
    op.drop_column("run_arms", "printed")
