"""Judging by the rules of the second edition: tallies of tests, doubts, authors, environments.

Evidence that was decided by the first edition's rules becomes stale.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())
_NOW = sa.text("now()")


def upgrade() -> None:
    """Add them."""
    op.add_column("runs", sa.Column("compared", sa.Integer()))
    op.add_column("runs", _list("not_comparable"))
    op.add_column(
        "runs",
        sa.Column("without_assertion", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column("runs", sa.Column("authors", _JSON))
    op.add_column("run_arms", _list("hints"))
    op.add_column("run_arms", _list("uses"))
    op.add_column("tickets", sa.Column("evidence_stale_reason", sa.Text()))
    op.add_column("tickets", sa.Column("evidence_doubt", _JSON))
    op.add_column(
        "targets", sa.Column("test_files", _JSON, server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column(
        "targets", sa.Column("support_digest", sa.Text(), server_default="", nullable=False)
    )
    op.add_column(
        "targets",
        sa.Column(
            "environments",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.create_table(
        "test_tallies",
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("package_digest", sa.Text(), nullable=False),
        sa.Column("test_digest", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("flips", sa.Integer(), nullable=False),
        sa.Column("since_flip", sa.Integer(), nullable=False),
        sa.Column("flipped_in", sa.UUID()),
        sa.Column("bundled", sa.Boolean(), nullable=False),
        sa.Column("last", _JSON, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["target"], ["targets.name"], op.f("fk_test_tallies_target"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "node_id", "package_digest", "test_digest", "environment", name=op.f("pk_test_tallies")
        ),
    )
    op.create_index("ix_test_tallies_updated_at", "test_tallies", ["updated_at"])
    op.create_index(
        "ix_test_tallies_flips", "test_tallies", ["node_id"], postgresql_where=sa.text("flips > 0")
    )
    op.create_table(
        "suite_results",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("package_digest", sa.Text(), nullable=False),
        sa.Column("suite_digest", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("node_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["target"],
            ["targets.name"],
            op.f("fk_suite_results_target"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "target",
            "package_digest",
            "suite_digest",
            "environment",
            "path",
            name=op.f("pk_suite_results"),
        ),
    )
    op.create_index("ix_suite_results_updated_at", "suite_results", ["updated_at"])
    op.execute(
        """
        UPDATE tickets SET evidence_stale = true, evidence_stale_reason = 'rules changed'
        WHERE decision IS NOT NULL AND decision <> 'null'
        """
    )


def _list(name: str) -> sa.Column[object]:
    return sa.Column(name, _JSON, server_default=sa.text("'[]'"), nullable=False)


def downgrade() -> None:
    """Drop them; what became stale stays so until the next sync."""
    op.drop_table("suite_results")
    op.drop_table("test_tallies")
    op.drop_column("targets", "environments")
    op.drop_column("targets", "support_digest")
    op.drop_column("targets", "test_files")
    op.drop_column("tickets", "evidence_doubt")
    op.drop_column("tickets", "evidence_stale_reason")
    op.drop_column("run_arms", "uses")
    op.drop_column("run_arms", "hints")
    for name in ("authors", "without_assertion", "not_comparable", "compared"):
        op.drop_column("runs", name)
