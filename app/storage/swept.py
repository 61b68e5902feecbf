"""What the newest sweep of what is in force said of a ticket, as a part of its row."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, func, literal_column, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.evidence import Swept
from app.schema.sweeps import sweep_items, sweeps
from app.schema.tickets import tickets
from app.schema.verification import targets
from app.storage.rows import must_moment


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


def swept_from(found: dict[str, Any] | None) -> Swept | None:
    """Build what was said from its JSON object."""
    if found is None:
        return None
    return Swept(UUID(found["sweep"]), found["verdict"], must_moment(found["at"]))
