"""What the newest sweep of what is in force said of a ticket, as a part of its row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ScalarSelect, func, literal_column, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from app.schema.sweeps import sweep_items, sweeps
from app.schema.tickets import tickets
from app.schema.verification import targets


def newest_sweep() -> ScalarSelect[Any]:
    """Return the subquery for a row of `tickets`; null where none looked at what is in force."""
    built = func.json_build_object(
        literal_column("'sweep'"),
        sweep_items.c.sweep_id,
        literal_column("'verdict'"),
        sweep_items.c.verdict,
        literal_column("'at'"),
        sweep_items.c.at,
    )
    return (
        select(type_coerce(built, JSONB))
        .select_from(sweep_items)
        .join(sweeps, sweeps.c.id == sweep_items.c.sweep_id)
        .join(targets, targets.c.name == sweeps.c.target)
        .where(
            sweep_items.c.ticket_id == tickets.c.id,
            or_(tickets.c.target == sweeps.c.target, tickets.c.target.is_(None)),
            targets.c.package_digest == sweeps.c.package_digest,
            targets.c.suite_digest == sweeps.c.suite_digest,
        )
        .order_by(sweep_items.c.at.desc())
        .limit(1)
        .correlate(tickets)
        .scalar_subquery()
    )
