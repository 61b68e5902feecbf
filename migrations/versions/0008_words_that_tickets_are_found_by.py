"""What tickets are found by is made of plain words, by the same rules as queries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.domain.search import other_texts, search_texts
from app.domain.tickets import ChecklistItem, Location, Section

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_AT_ONCE = 200

_PAGE = sa.text(
    """
    SELECT id, key, title, summary, resolution_text, commits,
        (SELECT coalesce(json_agg(json_build_array(path, start_line, end_line, symbol, note)
            ORDER BY position), '[]') FROM ticket_locations WHERE ticket_id = tickets.id) AS places,
        (SELECT coalesce(json_agg(json_build_array(heading, body) ORDER BY position), '[]')
            FROM ticket_sections WHERE ticket_id = tickets.id) AS sections,
        (SELECT coalesce(json_agg(text ORDER BY position), '[]')
            FROM checklist_items WHERE ticket_id = tickets.id) AS checklist
    FROM tickets WHERE id > :after ORDER BY id LIMIT :limit
    """
)
_SAVE = sa.text(
    """
    UPDATE tickets SET search = setweight(to_tsvector('english', :title), 'A')
        || setweight(to_tsvector('english', :lead), 'B')
        || setweight(to_tsvector('english', :body), 'C')
    WHERE id = :id
    """
)


def upgrade() -> None:
    """Make the words of the tickets that are there anew."""
    connection = op.get_bind()
    after = 0
    while rows := connection.execute(_PAGE, {"after": after, "limit": _AT_ONCE}).all():
        connection.execute(_SAVE, [_words(row) for row in rows])
        after = rows[-1].id


def _words(row: sa.Row[tuple[object, ...]]) -> dict[str, object]:
    texts = search_texts(
        row.key,
        row.title,
        row.summary,
        [Location(*place) for place in row.places],
        [Section(*section) for section in row.sections],
        other_texts([ChecklistItem(t) for t in row.checklist], row.resolution_text, row.commits),
    )
    return {"id": row.id, "title": texts.title, "lead": texts.lead, "body": texts.body}


def downgrade() -> None:
    """Leave the words: an older version makes them anew at the next edit, and finds most."""
