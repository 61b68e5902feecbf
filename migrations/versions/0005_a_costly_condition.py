"""A condition that holds always and seems costly: the planner asks it of as few rows as it can."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the function."""
    op.execute(
        """
        CREATE FUNCTION asked_of_few(ticket_id bigint) RETURNS boolean
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 2000
        AS 'BEGIN RETURN true; END'
        """
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP FUNCTION asked_of_few(bigint)")
