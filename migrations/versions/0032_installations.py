"""The id of an installation, by which it knows tickets that it exported."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give the installation an id."""
    op.create_table(
        "installations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False, server_default="false"),
        sa.PrimaryKeyConstraint("id", name="pk_installations"),
    )
    op.create_index(
        "ix_installations_own",
        "installations",
        ["own"],
        unique=True,
        postgresql_where=sa.text("own"),
    )
    op.execute("INSERT INTO installations (id, own) VALUES (gen_random_uuid(), true)")


def downgrade() -> None:
    """Forget it."""
    op.drop_table("installations")
