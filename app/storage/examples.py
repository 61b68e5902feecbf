"""How far example tickets have come, in one statement."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select, true

from app.domain.examples import ExampleState
from app.domain.runs import RunKind, RunOutcome, RunStatus
from app.domain.tickets import Status
from app.schema.reviews import reviews
from app.schema.runs import runs
from app.schema.tickets import tickets
from app.schema.verification import submitted_tests, ticket_patches
from app.storage.store import Store

_DECIDING = (RunKind.CHECK.value, RunKind.PROOF.value)


class ExampleStore(Store):
    """Examples among the tickets."""

    async def states(self, keys: Iterable[str]) -> list[ExampleState]:
        """Return those of the named tickets that are here."""
        proof = (
            select(runs.c.status, runs.c.outcome)
            .where(runs.c.ticket_id == tickets.c.id, runs.c.kind.in_(_DECIDING))
            .order_by(runs.c.queued_at.desc(), runs.c.id.desc())
            .limit(1)
            .lateral("proof")
        )
        specialists = (
            select(func.array_agg(reviews.c.specialist))
            .where(reviews.c.ticket_id == tickets.c.id, reviews.c.superseded_by.is_(None))
            .scalar_subquery()
        )
        names = (
            select(func.array_agg(ticket_patches.c.name))
            .where(ticket_patches.c.ticket_id == tickets.c.id)
            .scalar_subquery()
        )
        files = (
            select(func.array_agg(submitted_tests.c.filename))
            .where(submitted_tests.c.ticket_id == tickets.c.id)
            .scalar_subquery()
        )
        rows = await self._connection.execute(
            select(
                tickets.c.key,
                tickets.c.title,
                specialists.label("specialists"),
                names.label("patches"),
                files.label("files"),
                tickets.c.status.label("standing"),
                proof.c.status,
                proof.c.outcome,
            )
            .select_from(tickets)
            .outerjoin(proof, true())
            .where(tickets.c.key.in_(list(keys)))
        )
        return [
            ExampleState(
                key=row.key,
                title=row.title,
                specialists=frozenset(row.specialists or ()),
                patches=frozenset(row.patches or ()),
                tests=frozenset(row.files or ()),
                standing=Status(row.standing),
                status=None if row.status is None else RunStatus(row.status),
                outcome=None if row.outcome is None else RunOutcome(row.outcome),
            )
            for row in rows
        ]
