"""Runs that reduce a fix, and what is left of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_KINDS = "kind IN ('check','proof','strength','bisection'{more})"


def upgrade() -> None:
    """Let runs reduce a fix."""
    op.drop_constraint("kind", "runs", type_="check")
    op.create_check_constraint("kind", "runs", _KINDS.format(more=",'minimise'"))
    op.add_column("runs", sa.Column("minimised", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    """Drop what they found, and the runs."""
    op.drop_column("runs", "minimised")
    op.execute("DELETE FROM runs WHERE kind = 'minimise'")
    op.drop_constraint("kind", "runs", type_="check")
    op.create_check_constraint("kind", "runs", _KINDS.format(more=""))
