"""Tickets that were closed as fixed without evidence are listed, and a commit is no evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_IS_OPEN = "(status NOT IN ('closed','wont-fix'))"
_PROVEN = "(evidence_state = 'proven' AND NOT evidence_stale)"
_NOT_TESTABLE = "coalesce(testability ->> 'state' = 'not-testable', false)"
_FORMER = (
    "((evidence_state = 'proven' AND NOT evidence_stale) OR (commits <> '{}' AND"
    f" (evidence_state = 'not-covered' OR {_NOT_TESTABLE})))"
)
_WITHOUT = (
    "coalesce(resolution = 'fixed' AND (closure ->> 'waiver' IS NOT NULL"
    """ OR closure -> 'overridden' @> '"evidence"' OR closure -> 'overridden' @> '"waiver"'),"""
    " false)"
)


def upgrade() -> None:
    """Say of what was closed on a commit alone that it was, and make the indexes of lists.

    A ticket without domains belongs to the only target there is.
    """
    op.execute(
        f"""
        UPDATE tickets
        SET closure = closure || jsonb_build_object('waiver', concat_ws(': ',
            'Closed on a commit alone, when no waiver was asked for yet', closure ->> 'reason'))
        WHERE resolution = 'fixed' AND closure IS NOT NULL AND evidence_state <> 'proven'
            AND (evidence_state = 'not-covered' OR {_NOT_TESTABLE})
        """  # noqa: S608  # own words
    )
    op.execute(
        """
        UPDATE tickets SET evidence_state = 'none'
        WHERE evidence_state = 'not-covered' AND domains = '{}' AND EXISTS (SELECT FROM targets)
        """
    )
    _index("ready", f"{_IS_OPEN} AND {_PROVEN}", before="ready")
    _index("waived", _WITHOUT)


def downgrade() -> None:
    """Make the former index again; what the tickets say stays."""
    op.drop_index("ix_tickets_waived", "tickets")
    _index("ready", f"{_IS_OPEN} AND {_FORMER}", before="ready")


def _index(name: str, condition: str, *, before: str | None = None) -> None:
    if before:
        op.drop_index(f"ix_tickets_{before}", "tickets")
    op.create_index(
        f"ix_tickets_{name}",
        "tickets",
        [sa.text("created_at DESC"), sa.text("id DESC")],
        postgresql_where=sa.text(condition),
    )
