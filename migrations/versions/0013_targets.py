"""A ticket knows the target that its domains place it with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the target; the service places the tickets at its next start."""
    op.add_column("tickets", sa.Column("target", sa.Text()))
    op.create_index("ix_tickets_target", "tickets", ["target"])


def downgrade() -> None:
    """Forget it."""
    op.drop_index("ix_tickets_target", "tickets")
    op.drop_column("tickets", "target")
