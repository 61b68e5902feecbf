"""What locations held when they were filed, and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_TABLE = "ticket_locations"
_COLUMNS = (
    ("filed", postgresql.JSONB(none_as_null=True)),
    ("now_path", sa.Text()),
    ("now_start", sa.Integer()),
    ("now_end", sa.Integer()),
    ("looked_up", sa.Text()),
)


def upgrade() -> None:
    """Add the columns; the service fills them when it has read its targets."""
    for name, kind in _COLUMNS:
        op.add_column(_TABLE, sa.Column(name, kind, nullable=True))
    op.add_column(_TABLE, sa.Column("state", sa.Text(), server_default="unknown", nullable=False))
    op.create_check_constraint(
        op.f("ck_ticket_locations_state"),
        _TABLE,
        "state IN ('exact','moved','changed','gone','unknown')",
    )
    op.create_index("ix_ticket_locations_state", _TABLE, ["state", "ticket_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_ticket_locations_state", _TABLE)
    op.drop_constraint(op.f("ck_ticket_locations_state"), _TABLE)
    for name in ("state", *(name for name, _ in _COLUMNS)):
        op.drop_column(_TABLE, name)
