"""Tickets are listed by the strength of their tests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the rank, of what has been measured already too."""
    op.add_column(
        "tickets", sa.Column("strength_rank", sa.Float(), nullable=False, server_default="2")
    )
    op.execute(
        "UPDATE tickets SET strength_rank = s.value FROM ticket_strength s "
        "WHERE s.ticket_id = tickets.id AND NOT s.stale AND s.value IS NOT NULL"
    )
    op.create_index("ix_tickets_strength_rank", "tickets", ["strength_rank", "id"])


def downgrade() -> None:
    """Forget it."""
    op.drop_index("ix_tickets_strength_rank", "tickets")
    op.drop_column("tickets", "strength_rank")
