"""Changes are looked for, not rung: transactions that notify are flushed one after the other."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BELL = """
CREATE FUNCTION ring_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('findings_changes', '');
    RETURN NULL;
END $$;
CREATE TRIGGER audit_events_ring
    AFTER INSERT ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION ring_changes();
"""


def upgrade() -> None:
    """Take the bell away."""
    op.execute("DROP TRIGGER audit_events_ring ON audit_events")
    op.execute("DROP FUNCTION ring_changes")


def downgrade() -> None:
    """Hang it up again."""
    op.execute(_BELL)
