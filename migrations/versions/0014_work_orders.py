"""Work orders: what is wanted of agents and people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "work_orders",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, server_default="open"),
        sa.Column("specialist", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
        sa.Column("claimed_by", sa.UUID(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("handed", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_work_orders"),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name="fk_work_orders_ticket_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["specialist"], ["specialists.name"], name="fk_work_orders_specialist"
        ),
        sa.ForeignKeyConstraint(["created_by"], ["accounts.id"], name="fk_work_orders_created_by"),
        sa.ForeignKeyConstraint(["claimed_by"], ["accounts.id"], name="fk_work_orders_claimed_by"),
        sa.CheckConstraint("kind IN ('reproduce','refute','fix','assess')", name="kind"),
        sa.CheckConstraint(
            "status IN ('open','claimed','submitted','accepted','rejected','errored')",
            name="status",
        ),
    )
    op.create_index("ix_work_orders_ticket_id", "work_orders", ["ticket_id"])
    op.create_index(
        "ix_work_orders_waiting",
        "work_orders",
        ["id"],
        postgresql_where=sa.text("status IN ('open','claimed','submitted','errored')"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("work_orders")
