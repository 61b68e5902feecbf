"""Which tickets could be closed as ``fixed``, the gate of ``app.domain.gates`` in SQL, and which
were closed without evidence.

A test compares the two over generated tickets.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import BOOLEAN, JSONB

from app.domain.gate_facts import GRAVE
from app.schema.reviews import reviews
from app.schema.strength import ticket_strength
from app.schema.tickets import (
    CLOSED_WITHOUT_EVIDENCE,
    EVIDENCE_ALLOWS_FIXED,
    IS_OPEN,
    tickets,
)
from app.schema.verification import ticket_patches


def closable(*, needs_strength: bool = False) -> ColumnElement[bool]:
    """Return the condition that nothing but the step itself is missing to close a ticket."""
    found = [_literal(IS_OPEN), _literal(EVIDENCE_ALLOWS_FIXED), _endorsed(), ~objected_to()]
    if needs_strength:
        found.append(_strong_enough())
    return and_(*found)


def _strong_enough() -> ColumnElement[bool]:
    """Return the condition that of a grave ticket's fix no survivor is unexplained."""
    fix, shown = ticket_patches.c, ticket_strength.c
    of_fix = and_(fix.ticket_id == tickets.c.id, fix.name == "fix", fix.applies != "no")

    def none_of(name: str) -> ColumnElement[bool]:
        return func.coalesce(shown.figures[name].astext, "0") == "0"

    measured = exists().where(
        of_fix,
        shown.ticket_id == tickets.c.id,
        ~shown.stale,
        shown.figures["fix"].astext == fix.digest,
        none_of("unexplained_in_fix"),
        none_of("not_run_in_fix"),
    )
    return or_(tickets.c.severity.not_in(GRAVE), ~exists().where(of_fix), measured)


def waived() -> ColumnElement[bool]:
    """Return the condition that a ticket was closed as fixed without evidence."""
    return _literal(CLOSED_WITHOUT_EVIDENCE)


def closed_without() -> ColumnElement[Any]:
    """Return ``{by, reason}`` of who closed a ticket as fixed without evidence, or null."""
    closure = tickets.c.closure
    said = func.jsonb_build_object(
        literal_column("'by'"),
        closure["by"],
        literal_column("'reason'"),
        func.coalesce(closure["waiver"].astext, closure["reason"].astext),
    )
    return case((waived(), type_coerce(said, JSONB)))


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
