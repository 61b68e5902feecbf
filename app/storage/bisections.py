"""Bisections: what they are to find, their steps, and looks that are kept for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.bisection.run import Bisection, Found, Glance, Step, count
from app.domain.bisection.search import BisectionOutcome, Seen, Why
from app.domain.plain import from_plain
from app.domain.runs import RunKind, RunPlan, RunStatus
from app.schema.accounts import accounts
from app.schema.bisection import bisection_steps, bisections, revision_looks
from app.schema.runs import runs
from app.schema.tickets import tickets
from app.storage.store import Store

Glances = tuple[tuple[Glance, int], ...]
"""What looks showed, each with how often."""


@dataclass(frozen=True)
class LooksKey:
    """What looks at a revision hang on: its packages, the tests, the environment."""

    tree: str
    tests: str
    environment: str


@dataclass(frozen=True)
class KnownLooks:
    """Looks at one tree."""

    glances: Glances = ()
    arms: int = 0
    """In how many arms."""
    reason: str | None = None
    """Why they show nothing, where they do not."""


@dataclass(frozen=True)
class StoredStep:
    """A step as it is stored: what was seen, to be counted by whoever knows what tells."""

    revision: str
    tree: str
    why: Why
    outcome: Seen | None
    glances: Glances
    reason: str | None = None
    reused: bool = False


class BisectionStore(Store):
    """Bisections, one to a run of that kind."""

    async def add(self, run_id: UUID) -> None:
        """Add the bisection of a run."""
        await self._connection.execute(insert(bisections).values(run_id=run_id))

    async def show(self, run_id: UUID) -> Bisection | None:
        """Return a bisection with its steps; None where there is none."""
        row = (await self._connection.execute(_select().where(runs.c.id == run_id))).one_or_none()
        return None if row is None else await self._with_steps(row)

    async def of_ticket(self, ticket_id: int, *, limit: int) -> list[Bisection]:
        """Return the bisections of a ticket, the newest first, without their steps."""
        query = _select().where(runs.c.ticket_id == ticket_id)
        rows = await self._connection.execute(query.order_by(runs.c.queued_at.desc()).limit(limit))
        return [_bisection(row, ()) for row in rows]

    async def begun(self, run_id: UUID) -> tuple[str | None, dict[str, str] | None]:
        """Return the older end and the failures that tell, as far as they are known."""
        row = (
            await self._connection.execute(
                select(bisections.c.old, bisections.c.telling).where(bisections.c.run_id == run_id)
            )
        ).one()
        return row.old, row.telling

    async def note(self, run_id: UUID, *, old: str | None, telling: Mapping[str, str]) -> None:
        """Store what is known of the ends."""
        await self._connection.execute(
            update(bisections)
            .where(bisections.c.run_id == run_id)
            .values(old=old, telling=dict(telling))
        )

    async def steps(self, run_id: UUID) -> list[StoredStep]:
        """Return the steps of a bisection in order."""
        rows = await self._connection.execute(
            select(bisection_steps)
            .where(bisection_steps.c.run_id == run_id)
            .order_by(bisection_steps.c.position)
        )
        return [
            StoredStep(
                row.revision,
                row.tree,
                Why(row.why),
                None if row.outcome is None else Seen(row.outcome),
                _glances(row.glances),
                row.reason,
                row.reused,
            )
            for row in rows
        ]

    async def add_step(self, run_id: UUID, position: int, step: StoredStep) -> None:
        """Store a step; one at the same place is replaced."""
        values = {
            "revision": step.revision,
            "tree": step.tree,
            "why": step.why.value,
            "outcome": None if step.outcome is None else step.outcome.value,
            "glances": _plain(step.glances),
            "reason": step.reason,
            "reused": step.reused,
        }
        statement = upsert(bisection_steps).values(run_id=run_id, position=position, **values)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["run_id", "position"], set_=values)
        )

    async def end(self, run_id: UUID, found: Found) -> None:
        """Store what was found."""
        await self._connection.execute(
            update(bisections).where(bisections.c.run_id == run_id).values(found=asdict(found))
        )

    # --- looks that are kept -------------------------------------------------------------------

    async def known(self, tests: str, environment: str) -> dict[str, KnownLooks]:
        """Return what is known of trees with these tests in this environment."""
        rows = await self._connection.execute(
            select(revision_looks).where(
                revision_looks.c.tests == tests, revision_looks.c.environment == environment
            )
        )
        return {row.tree: KnownLooks(_glances(row.glances), row.arms, row.reason) for row in rows}

    async def keep(self, key: LooksKey, looks: KnownLooks) -> None:
        """Keep all that is known of a tree."""
        values = {
            "glances": _plain(looks.glances),
            "arms": looks.arms,
            "reason": looks.reason,
            "updated_at": func.now(),
        }
        statement = upsert(revision_looks).values(**asdict(key), **values)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["tree", "tests", "environment"], set_=values
            )
        )

    # --- what tickets say ----------------------------------------------------------------------

    async def show_on(self, ticket_id: int, field: str, revision: str, links: str) -> None:
        """Let a ticket say what was found; what other tests have found it says no more."""
        known = await self._connection.scalar(
            select(tickets.c.bisected).where(tickets.c.id == ticket_id).with_for_update()
        )
        kept = known if known and known.get("links") == links else {"links": links}
        await self._connection.execute(
            update(tickets)
            .where(tickets.c.id == ticket_id)
            .values(bisected={**kept, field: revision})
        )

    async def forget_of_other_tests(self, ticket_id: int, links: str) -> None:
        """Let a ticket say no more what was found with other tests than it has now."""
        await self._connection.execute(
            update(tickets)
            .where(
                tickets.c.id == ticket_id,
                tickets.c.bisected.is_not(None),
                tickets.c.bisected["links"].astext != links,
            )
            .values(bisected=None)
        )

    async def _with_steps(self, row: Row[Any]) -> Bisection:
        telling = row.telling or {}
        steps = [
            Step(
                step.revision,
                step.tree,
                step.why,
                step.outcome,
                count(_each(step.glances), telling),
                step.reason,
                step.reused,
            )
            for step in await self.steps(row.id)
        ]
        return _bisection(row, steps)


def _each(glances: Glances) -> list[Glance]:
    return [one for one, times in glances for _ in range(times)]


def _select() -> Select[Any]:
    return (
        select(
            runs.c.id,
            runs.c.plan,
            runs.c.status,
            runs.c.reason,
            runs.c.outcome,
            runs.c.queued_at,
            runs.c.started_at,
            runs.c.finished_at,
            tickets.c.key,
            tickets.c.bisected,
            accounts.c.name.label("requested_by"),
            bisections.c.found,
            bisections.c.old,
            bisections.c.telling,
        )
        .join(bisections, bisections.c.run_id == runs.c.id)
        .join(tickets, tickets.c.id == runs.c.ticket_id)
        .join(accounts, accounts.c.id == runs.c.requested_by)
        .where(runs.c.kind == RunKind.BISECTION.value)
    )


def _bisection(row: Row[Any], steps: Sequence[Step]) -> Bisection:
    plan = from_plain(RunPlan, row.plan)
    assert plan.bisection is not None
    return Bisection(
        id=row.id,
        ticket=row.key,
        plan=plan.bisection,
        target=plan.target,
        status=RunStatus(row.status),
        requested_by=row.requested_by,
        queued_at=row.queued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        found=_found(row),
        steps=tuple(steps),
        old=row.old or plan.bisection.old,
        links_digest=plan.links_digest,
    )


def _found(row: Row[Any]) -> Found | None:
    if row.found is not None:
        return from_plain(Found, row.found)
    if row.status == RunStatus.FINISHED.value:
        return Found(BisectionOutcome.ERROR, row.reason or "It ended without an answer.")
    return None


def _plain(glances: Glances) -> list[list[Any]]:
    return [[[list(pair) for pair in one], times] for one, times in glances]


def _glances(stored: Any) -> Glances:
    return tuple((tuple((name, seen) for name, seen in one), times) for one, times in stored)
