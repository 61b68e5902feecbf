"""Keys that alike tickets share, instead of a search for their rare words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.domain.similarity import features, similarity_keys

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_AT_ONCE = 2000


def upgrade() -> None:
    """Add the column, fill it for the tickets that are there, and index it."""
    op.add_column(
        "tickets",
        sa.Column(
            "similarity_keys",
            postgresql.ARRAY(sa.Integer()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    _fill(op.get_bind())
    op.create_index(
        "ix_tickets_similarity_keys",
        "tickets",
        ["similarity_keys"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )


def _fill(connection: sa.Connection) -> None:
    after = 0
    page = sa.text(
        "SELECT id, title, summary FROM tickets WHERE id > :after ORDER BY id LIMIT :limit"
    )
    save = sa.text("UPDATE tickets SET similarity_keys = :keys WHERE id = :id")
    while rows := connection.execute(page, {"after": after, "limit": _AT_ONCE}).all():
        connection.execute(
            save,
            [
                {"id": row.id, "keys": list(similarity_keys(features(row.title, row.summary, ())))}
                for row in rows
            ],
        )
        after = rows[-1].id


def downgrade() -> None:
    """Drop the index and the column."""
    op.drop_index("ix_tickets_similarity_keys", "tickets")
    op.drop_column("tickets", "similarity_keys")
