"""Others' verdicts are kept from an account or a specialist until its own is in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns: nobody is blind."""
    for table in ("accounts", "specialists"):
        op.add_column(
            table, sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    """Drop them."""
    for table in ("accounts", "specialists"):
        op.drop_column(table, "blind")
