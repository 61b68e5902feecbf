"""A severity that cannot be read is unknown, and keeps its words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("tickets", sa.Column("severity_raw", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("tickets", "severity_raw")
