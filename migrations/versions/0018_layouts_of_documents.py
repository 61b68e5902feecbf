"""A document of another project is kept with the layout that it is read by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "ticket_documents", sa.Column("layout", postgresql.JSONB(none_as_null=True), nullable=True)
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("ticket_documents", "layout")
