"""Which tickets could be closed as ``fixed``: the gate of ``app.domain.gates`` in SQL.

A test compares the two over generated tickets.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, literal_column, or_
from sqlalchemy.dialects.postgresql import BOOLEAN

from app.schema.reviews import reviews
from app.schema.tickets import EVIDENCE_ALLOWS_FIXED, IS_OPEN, tickets


def closable() -> ColumnElement[bool]:
    """Return the condition that nothing but the step itself is missing to close a ticket."""
    return and_(_literal(IS_OPEN), _literal(EVIDENCE_ALLOWS_FIXED), _endorsed(), ~objected_to())


def _literal(condition: str) -> ColumnElement[bool]:
    # Word for word as the partial index has it, and without parameters, which would hide from
    # the planner that the index fits.
    return literal_column(condition, BOOLEAN)


def _endorsed() -> ColumnElement[bool]:
    return exists().where(
        reviews.c.ticket_id == tickets.c.id,
        reviews.c.superseded_by.is_(None),
        reviews.c.content_version >= tickets.c.content_version,
        reviews.c.specialist != tickets.c.agent,
        reviews.c.author_id != tickets.c.created_by,
        or_(
            reviews.c.verdict == "ENDORSE",
            and_(reviews.c.verdict == "REFINE", reviews.c.applied.is_not(None)),
        ),
    )


def objected_to() -> ColumnElement[bool]:
    """Return the condition that a current objection waits for its answer."""
    return exists().where(
        reviews.c.ticket_id == tickets.c.id,
        reviews.c.superseded_by.is_(None),
        reviews.c.verdict == "OBJECT",
        reviews.c.answer.is_(None),
    )
