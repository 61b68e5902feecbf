"""Arms of runs name the revision whose package they held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room."""
    op.add_column("run_arms", sa.Column("revision", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("run_arms", "revision")
