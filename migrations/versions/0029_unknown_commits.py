"""Commits that tickets name and the repository of their target lacks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room; they are looked for when a target is looked at next."""
    op.add_column(
        "tickets",
        sa.Column(
            "unknown_commits",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            server_default=sa.text("'{}'"),
        ),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("tickets", "unknown_commits")
