"""Indexes for lists of tickets by who has them or filed them, by how they ended, and of stale ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NEWEST_FIRST = (sa.text("created_at DESC"), sa.text("id DESC"))


def upgrade() -> None:
    """Create the indexes."""
    op.create_index(
        "ix_tickets_assignee",
        "tickets",
        ["assignee", *_NEWEST_FIRST],
        postgresql_where=sa.text("assignee IS NOT NULL"),
    )
    op.create_index("ix_tickets_created_by", "tickets", ["created_by", *_NEWEST_FIRST])
    op.create_index(
        "ix_tickets_resolution",
        "tickets",
        ["resolution", *_NEWEST_FIRST],
        postgresql_where=sa.text("resolution IS NOT NULL"),
    )
    op.create_index(
        "ix_tickets_stale",
        "tickets",
        [*_NEWEST_FIRST],
        postgresql_where=sa.text("evidence_stale"),
    )


def downgrade() -> None:
    """Drop the indexes."""
    for name in ("stale", "resolution", "created_by", "assignee"):
        op.drop_index(f"ix_tickets_{name}", "tickets")
