"""Keys that alike tickets share, instead of a search for their rare words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.domain.similarity import features, similarity_keys

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_AT_ONCE = 1000


def upgrade() -> None:
    """Add the table, and fill it for the tickets that are there."""
    table = op.create_table(
        "ticket_similarity_keys",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "ticket_id", name="pk_ticket_similarity_keys"),
    )
    _fill(op.get_bind(), table)


def _fill(connection: sa.Connection, table: sa.Table) -> None:
    after = 0
    page = sa.text(
        "SELECT id, title, summary FROM tickets WHERE id > :after ORDER BY id LIMIT :limit"
    )
    while rows := connection.execute(page, {"after": after, "limit": _AT_ONCE}).all():
        keys = [
            {"key": key, "ticket_id": row.id}
            for row in rows
            for key in similarity_keys(features(row.title, row.summary, ()))
        ]
        if keys:
            connection.execute(table.insert(), keys)
        after = rows[-1].id


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("ticket_similarity_keys")
