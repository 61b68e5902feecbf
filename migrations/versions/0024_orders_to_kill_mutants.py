"""Work orders may want a surviving mutant killed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_KINDS = "kind IN ('reproduce','refute','fix','assess')"


def upgrade() -> None:
    """Add the mutant and the kind."""
    op.add_column(
        "work_orders", sa.Column("mutant", postgresql.JSONB(none_as_null=True), nullable=True)
    )
    op.drop_constraint("kind", "work_orders", type_="check")
    kinds = _KINDS.replace("'assess'", "'kill-mutant','assess'")
    op.create_check_constraint("kind", "work_orders", kinds)


def downgrade() -> None:
    """Take away the orders of that kind, and the column."""
    op.execute("DELETE FROM work_orders WHERE kind = 'kill-mutant'")
    op.drop_constraint("kind", "work_orders", type_="check")
    op.create_check_constraint("kind", "work_orders", _KINDS)
    op.drop_column("work_orders", "mutant")
