"""Revisions of targets: the commit in force, and what was in force before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room; what is in force now is the first that is known."""
    op.add_column("targets", sa.Column("revision", sa.Text(), nullable=True))
    op.create_table(
        "target_revisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("package_digest", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
        sa.PrimaryKeyConstraint("id", name="pk_target_revisions"),
        sa.ForeignKeyConstraint(
            ["target"],
            ["targets.name"],
            name="fk_target_revisions_target",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_target_revisions_target", "target_revisions", ["target", "id"])
    op.execute(
        "INSERT INTO target_revisions (target, package_digest, seen_at) "
        "SELECT name, package_digest, synced_at FROM targets"
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("target_revisions")
    op.drop_column("targets", "revision")
