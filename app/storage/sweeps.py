"""Sweeps and what they say, each change by one conditional write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, insert, select, text, tuple_, update

from app.domain.accounts import Actor
from app.domain.plain import from_plain
from app.domain.sweeps import (
    Judgement,
    Reopened,
    Sweep,
    SweepItem,
    SweepStatus,
    SweepVerdict,
)
from app.schema.accounts import accounts
from app.schema.sweeps import sweep_items, sweeps
from app.schema.tickets import tickets
from app.storage.notifier import RUNS, notice_of
from app.storage.rows import from_row, new_id
from app.storage.store import Store

_WAITING = (SweepStatus.QUEUED.value, SweepStatus.RUNNING.value)


@dataclass(frozen=True)
class SweptTicket:
    """What is to be said of a ticket."""

    ticket_id: int
    judgement: Judgement
    run: UUID | None = None


class SweepStore(Store):
    """Sweeps."""

    async def add(
        self,
        target: str,
        *,
        revision: str | None,
        package_digest: str,
        suite_digest: str,
        previous: str | None,
        actor: Actor | None,
    ) -> UUID:
        """Add a sweep that waits, and return its id; without an actor it comes by itself."""
        sweep_id = new_id()
        await self._connection.execute(
            insert(sweeps).values(
                id=sweep_id,
                target=target,
                revision=revision,
                package_digest=package_digest,
                suite_digest=suite_digest,
                previous=previous,
                automatic=actor is None,
                requested_by=None if actor is None else actor.account.id,
                request_id=None if actor is None else actor.request_id,
            )
        )
        return sweep_id

    async def supersede(self, target: str) -> list[UUID]:
        """Cancel what waits of a target by itself: what it was to look at is gone already."""
        rows = await self._connection.scalars(
            update(sweeps)
            .where(
                sweeps.c.target == target,
                sweeps.c.automatic,
                sweeps.c.status == SweepStatus.QUEUED.value,
            )
            .values(
                status=SweepStatus.CANCELLED.value,
                reason="Something else came into force before it began.",
                finished_at=func.now(),
            )
            .returning(sweeps.c.id)
        )
        return list(rows)

    async def claim(self, sweep_id: UUID, worker: str, *, most: int) -> Sweep | None:
        """Mark a sweep as running on its next attempt; None when it needs no more of them.

        One that is running already was lost by its worker, whose later writes miss.
        """
        done = await self._connection.execute(
            update(sweeps)
            .where(
                sweeps.c.id == sweep_id,
                sweeps.c.status.in_(_WAITING),
                sweeps.c.attempt < most,
            )
            .values(
                status=SweepStatus.RUNNING.value,
                attempt=sweeps.c.attempt + 1,
                worker=worker,
                reason=None,
                started_at=func.coalesce(sweeps.c.started_at, func.now()),
            )
        )
        await self._ring(sweep_id)
        return await self.show(sweep_id) if done.rowcount else None

    async def hold(self, sweep: Sweep) -> bool:
        """Lock a sweep's row until the transaction ends; False when this attempt is over."""
        found = await self._connection.scalar(
            select(sweeps.c.id).where(*_is_running(sweep)).with_for_update()
        )
        return found is not None

    async def mark_given_back(self, sweep: Sweep, reason: str) -> bool:
        """Let a claimed sweep wait again, as if it had not been claimed."""
        done = await self._connection.execute(
            update(sweeps)
            .where(*_is_running(sweep))
            .values(
                status=SweepStatus.QUEUED.value,
                attempt=sweeps.c.attempt - 1,
                worker=None,
                reason=reason,
            )
        )
        return bool(done.rowcount)

    async def mark_over(self, sweep: Sweep, status: SweepStatus, reason: str | None) -> bool:
        """End a sweep; False when this attempt no longer counts."""
        done = await self._connection.execute(
            update(sweeps)
            .where(*_is_running(sweep))
            .values(status=status.value, reason=reason, finished_at=func.now())
        )
        await self._ring(sweep.id, over=True)
        return bool(done.rowcount)

    async def give_up(self, sweep_id: UUID, reason: str) -> bool:
        """End a sweep that has cost too many workers; False when it has ended already."""
        done = await self._connection.execute(
            update(sweeps)
            .where(sweeps.c.id == sweep_id, sweeps.c.status.in_(_WAITING))
            .values(status=SweepStatus.CANCELLED.value, reason=reason, finished_at=func.now())
        )
        await self._ring(sweep_id, over=True)
        return bool(done.rowcount)

    async def mark_tests(self, sweep: Sweep, tests: int) -> None:
        """Record how many tests it runs."""
        await self._connection.execute(
            update(sweeps).where(*_is_running(sweep)).values(tests=tests)
        )

    async def judged_in(self, sweep_id: UUID) -> set[int]:
        """Return the ids of the tickets of which a sweep has said something."""
        rows = await self._connection.scalars(
            select(sweep_items.c.ticket_id).where(sweep_items.c.sweep_id == sweep_id)
        )
        return set(rows)

    async def say(self, sweep_id: UUID, found: Sequence[SweptTicket]) -> None:
        """Record what it says of tickets; the caller holds the sweep's row."""
        if not found:
            return
        last = await self._connection.scalar(
            select(func.coalesce(func.max(sweep_items.c.seq), 0)).where(
                sweep_items.c.sweep_id == sweep_id
            )
        )
        await self._connection.execute(
            insert(sweep_items),
            [
                {
                    "sweep_id": sweep_id,
                    "ticket_id": one.ticket_id,
                    "seq": int(last or 0) + n,
                    "verdict": one.judgement.verdict.value,
                    "reason": one.judgement.reason,
                    "reopened": one.judgement.reopens,
                    "signature": one.judgement.signature,
                    "run_id": one.run,
                }
                for n, one in enumerate(found, 1)
            ],
        )
        await self._ring(sweep_id)

    async def show(self, sweep_id: UUID) -> Sweep | None:
        """Return a sweep."""
        row = (
            await self._connection.execute(_select().where(sweeps.c.id == sweep_id))
        ).one_or_none()
        return None if row is None else _sweep(row)

    async def status_of(self, sweep_id: UUID) -> SweepStatus | None:
        """Return where a sweep stands."""
        found = await self._connection.scalar(
            select(sweeps.c.status).where(sweeps.c.id == sweep_id)
        )
        return None if found is None else SweepStatus(found)

    async def page(
        self,
        *,
        targets: Collection[str],
        statuses: Collection[str],
        after: tuple[Any, ...] | None,
        limit: int,
    ) -> list[Sweep]:
        """Return sweeps, newest first, behind the position `after`."""
        query = _select().order_by(sweeps.c.queued_at.desc(), sweeps.c.id.desc()).limit(limit)
        if targets:
            query = query.where(sweeps.c.target.in_(targets))
        if statuses:
            query = query.where(sweeps.c.status.in_(statuses))
        if after is not None:
            query = query.where(tuple_(sweeps.c.queued_at, sweeps.c.id) < tuple_(*after))
        return [_sweep(row) for row in await self._connection.execute(query)]

    async def items(
        self, sweep_id: UUID, *, verdicts: Collection[str] = (), after: int = 0, limit: int
    ) -> list[SweepItem]:
        """Return what a sweep says, in order, behind the number `after`."""
        query = (
            select(sweep_items, tickets.c.key)
            .join(tickets, tickets.c.id == sweep_items.c.ticket_id)
            .where(sweep_items.c.sweep_id == sweep_id, sweep_items.c.seq > after)
            .order_by(sweep_items.c.seq)
            .limit(limit)
        )
        if verdicts:
            query = query.where(sweep_items.c.verdict.in_(verdicts))
        rows = await self._connection.execute(query)
        return [from_row(SweepItem, row, ticket=row.key, run=row.run_id) for row in rows]

    async def reopened(self, limit: int) -> list[Reopened]:
        """Return the tickets that evidence has opened again and that are open, newest first."""
        rows = await self._connection.execute(
            select(
                tickets.c.key,
                tickets.c.title,
                tickets.c.severity,
                sweep_items.c.sweep_id,
                sweep_items.c.run_id,
                sweeps.c.revision,
                sweep_items.c.at,
            )
            .join(tickets, tickets.c.id == sweep_items.c.ticket_id)
            .join(sweeps, sweeps.c.id == sweep_items.c.sweep_id)
            .where(sweep_items.c.reopened, tickets.c.status.not_in(("closed", "wont-fix")))
            .order_by(sweep_items.c.at.desc())
            .limit(limit)
        )
        found: dict[str, Reopened] = {}
        for row in rows:
            found.setdefault(row.key, Reopened(*row))
        return list(found.values())

    async def _ring(self, sweep_id: UUID, *, over: bool = False) -> None:
        """Wake those who watch a sweep, if and when this transaction commits."""
        await self._connection.execute(
            text("SELECT pg_notify(:channel, :notice)"),
            {"channel": RUNS, "notice": notice_of(sweep_id, over=over)},
        )


def _is_running(sweep: Sweep) -> tuple[ColumnElement[bool], ...]:
    return (
        sweeps.c.id == sweep.id,
        sweeps.c.attempt == sweep.attempt,
        sweeps.c.status == SweepStatus.RUNNING.value,
    )


def _select() -> Select[Any]:
    counted = (
        select(sweep_items.c.verdict, func.count().label("number"))
        .where(sweep_items.c.sweep_id == sweeps.c.id)
        .group_by(sweep_items.c.verdict)
        .correlate(sweeps)
        .subquery()
    )
    counts = select(func.jsonb_object_agg(counted.c.verdict, counted.c.number)).scalar_subquery()
    opened = (
        select(func.count())
        .where(sweep_items.c.sweep_id == sweeps.c.id, sweep_items.c.reopened)
        .correlate(sweeps)
        .scalar_subquery()
    )
    return select(
        sweeps,
        accounts.c.name.label("requester"),
        counts.label("counts"),
        opened.label("opened"),
    ).outerjoin(accounts, accounts.c.id == sweeps.c.requested_by)


def _sweep(row: Row[Any]) -> Sweep:
    counts = {verdict.value: (row.counts or {}).get(verdict.value, 0) for verdict in SweepVerdict}
    counted = {"counts": counts, "tickets": sum(counts.values()), "reopened": row.opened}
    return from_plain(Sweep, {**row._mapping, **counted, "requested_by": row.requester})
