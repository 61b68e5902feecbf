"""Sweeps, and what was in force numbered by target."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables; states of targets that were seen keep their order."""
    op.create_table(
        "sweeps",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("package_digest", sa.Text(), nullable=False),
        sa.Column("suite_digest", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.Column("automatic", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("requested_by", sa.UUID(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False, server_default="queued"),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("tests", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("queued_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sweeps"),
        sa.ForeignKeyConstraint(
            ["target"], ["targets.name"], name="fk_sweeps_target", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["requested_by"], ["accounts.id"], name="fk_sweeps_requested_by"),
        sa.CheckConstraint("status IN ('queued','running','finished','cancelled')", name="status"),
    )
    op.create_index(
        "ix_sweeps_queued_at", "sweeps", [sa.text("queued_at DESC"), sa.text("id DESC")]
    )
    op.create_index("ix_sweeps_target", "sweeps", ["target", sa.text("queued_at DESC")])
    op.create_table(
        "sweep_items",
        sa.Column("sweep_id", sa.UUID(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("reopened", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("at", _TIME, nullable=False, server_default=_NOW),
        sa.PrimaryKeyConstraint("sweep_id", "ticket_id", name="pk_sweep_items"),
        sa.ForeignKeyConstraint(
            ["sweep_id"], ["sweeps.id"], name="fk_sweep_items_sweep_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_sweep_items_ticket_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "verdict IN ('held','regressed','flaky','infrastructure','not-applicable',"
            "'repaired','held-by-decision')",
            name="verdict",
        ),
    )
    op.create_index("ix_sweep_items_seq", "sweep_items", ["sweep_id", "seq"])
    op.create_index("ix_sweep_items_ticket_id", "sweep_items", ["ticket_id"])
    op.create_index(
        "ix_sweep_items_reopened",
        "sweep_items",
        [sa.text("at DESC")],
        postgresql_where=sa.text("reopened"),
    )
    _number_states()


def _number_states() -> None:
    op.add_column("target_revisions", sa.Column("number", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE target_revisions SET number = found.number FROM (SELECT id, row_number() OVER "
        "(PARTITION BY target ORDER BY id) AS number FROM target_revisions) AS found "
        "WHERE found.id = target_revisions.id"
    )
    op.alter_column("target_revisions", "number", nullable=False)
    op.drop_index("ix_target_revisions_target", "target_revisions")
    op.drop_constraint("pk_target_revisions", "target_revisions")
    op.drop_column("target_revisions", "id")
    op.create_primary_key("pk_target_revisions", "target_revisions", ["target", "number"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("sweep_items")
    op.drop_table("sweeps")
    op.drop_constraint("pk_target_revisions", "target_revisions")
    op.drop_column("target_revisions", "number")
    op.add_column(
        "target_revisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
    )
    op.create_primary_key("pk_target_revisions", "target_revisions", ["id"])
    op.create_index("ix_target_revisions_target", "target_revisions", ["target", "id"])
