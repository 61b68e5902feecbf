"""The catalogue keeps what is odd about the marks of a test."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "tests",
        sa.Column(
            "warnings", postgresql.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")
        ),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("tests", "warnings")
