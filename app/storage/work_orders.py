"""Work orders and their leases.

A lease that has run out is no lease: the order is open, whatever its row says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, insert, or_, select, update

from app.domain.accounts import Account
from app.domain.order_policy import NOTES, OrderRule
from app.domain.runs import RunOutcome, RunStatus
from app.domain.sight import Sight
from app.domain.work_orders import (
    LOST_AFTER_S,
    EndedOrder,
    Judged,
    OrderDraft,
    OrderedMutant,
    OrderKind,
    OrderStatus,
    Taken,
    WorkOrder,
)
from app.schema.accounts import accounts
from app.schema.runs import runs
from app.schema.tickets import tickets
from app.schema.work_orders import work_orders
from app.storage.rows import from_row, new_id
from app.storage.sight import hidden_from
from app.storage.store import Store

_OPEN, _CLAIMED = OrderStatus.OPEN, OrderStatus.CLAIMED
_lapsed = and_(
    work_orders.c.status == _CLAIMED, work_orders.c.lease_expires_at <= func.clock_timestamp()
)
_shown_status = case((_lapsed, _OPEN.value), else_=work_orders.c.status)
_makers, _doers = accounts.alias("makers"), accounts.alias("doers")
_SETTLED = ("closed", "wont-fix")


class WorkOrderStore(Store):
    """Work orders."""

    async def add(
        self,
        draft: OrderDraft,
        ticket_id: int,
        maker: Account | None,
        mutant: OrderedMutant | None = None,
    ) -> UUID:
        """Place an order and return its id; without a maker the service does."""
        order_id = new_id()
        await self._connection.execute(
            insert(work_orders).values(
                id=order_id,
                kind=draft.kind,
                ticket_id=ticket_id,
                specialist=draft.specialist,
                mutant=None if mutant is None else asdict(mutant),
                note=draft.note,
                created_by=None if maker is None else maker.id,
            )
        )
        return order_id

    async def show(self, order_id: UUID, sight: Sight | None) -> WorkOrder | None:
        """Return an order; None where there is none that `sight` sees."""
        found = await self._read(work_orders.c.id == order_id, *_seen_by(sight))
        return found[0] if found else None

    async def page(
        self,
        *,
        kinds: Collection[OrderKind],
        statuses: Collection[OrderStatus],
        ticket: str | None,
        after: UUID | None,
        limit: int,
        sight: Sight | None,
    ) -> list[WorkOrder]:
        """Return orders that `sight` sees, newest first, from the one behind `after`."""
        wanted: list[ColumnElement[bool]] = _seen_by(sight)
        if kinds:
            wanted.append(work_orders.c.kind.in_([kind.value for kind in kinds]))
        if statuses:
            wanted.append(_shown_status.in_([status.value for status in statuses]))
        if ticket is not None:
            wanted.append(tickets.c.key == ticket)
        if after is not None:
            wanted.append(work_orders.c.id < after)
        return await self._read(*wanted, limit=limit)

    async def _read(self, *wanted: ColumnElement[bool], limit: int = 1) -> list[WorkOrder]:
        held = work_orders.c.status != _OPEN
        rows = await self._connection.execute(
            select(
                work_orders,
                _shown_status.label("shown_status"),
                tickets.c.key,
                _makers.c.name.label("maker"),
                _doers.c.name.label("doer"),
            )
            .join(tickets, tickets.c.id == work_orders.c.ticket_id)
            .outerjoin(_makers, _makers.c.id == work_orders.c.created_by)
            .outerjoin(_doers, and_(held, _doers.c.id == work_orders.c.claimed_by))
            .where(*wanted)
            .order_by(work_orders.c.id.desc())
            .limit(limit)
        )
        return [_order(row) for row in rows]

    async def take(
        self,
        account: Account,
        kinds: Collection[OrderKind],
        specialists: Sequence[str],
        lasting: timedelta,
        sight: Sight | None,
    ) -> UUID | None:
        """Claim the oldest order that waits, of the gravest ticket; None when none does.

        Orders that others are claiming at this moment are passed over, so that no two get the
        same. Tickets that are settled want nothing any more.
        """
        waits = or_(work_orders.c.status.in_(["open", "errored"]), _lapsed)
        chosen = (
            select(work_orders.c.id)
            .join(tickets, tickets.c.id == work_orders.c.ticket_id)
            .where(
                waits,
                work_orders.c.kind.in_([kind.value for kind in kinds]),
                or_(work_orders.c.specialist.is_(None), work_orders.c.specialist.in_(specialists)),
                tickets.c.status.not_in(_SETTLED),
                *_seen_by(sight),
            )
            .order_by(tickets.c.severity, work_orders.c.id)
            .limit(1)
            .with_for_update(of=work_orders, skip_locked=True)
        )
        order_id = await self._connection.scalar(chosen)
        if order_id is None:
            return None
        await self._connection.execute(
            update(work_orders)
            .where(work_orders.c.id == order_id)
            .values(
                status=_CLAIMED,
                claimed_by=account.id,
                lease_expires_at=func.clock_timestamp() + lasting,
                submitted_at=None,
                run_id=None,
                reason=None,
            )
        )
        return UUID(str(order_id))

    async def give_back(self, order_id: UUID, account: Account) -> bool:
        """Let an order be open again; False when the account does not hold it."""
        return await self._change(order_id, account, _CLAIMED, status=_OPEN, claimed_by=None)

    async def begin_submission(self, order_id: UUID, account: Account) -> bool:
        """Mark an order as handed in; False when the account does not hold it.

        Of two that hand in at once one comes first, and the other holds it no more. A lease that
        has run out still counts while nobody else has taken the order.
        """
        return await self._change(
            order_id,
            account,
            _CLAIMED,
            status=OrderStatus.SUBMITTED,
            submitted_at=func.clock_timestamp(),
        )

    async def take_back(self, order_id: UUID, account: Account) -> None:
        """Let the account go on with what was refused when it handed it in."""
        await self._change(
            order_id, account, OrderStatus.SUBMITTED, status=_CLAIMED, submitted_at=None
        )

    async def mark_run(self, order_id: UUID, run_id: UUID, taken: Taken) -> None:
        """Keep by which run it is judged, and what was taken in for it."""
        handed = {
            "submitted": None if taken.submitted is None else str(taken.submitted),
            "patch": taken.patch,
        }
        await self._connection.execute(
            update(work_orders)
            .where(work_orders.c.id == order_id)
            .values(run_id=run_id, handed=handed)
        )

    async def mark_judged(self, order_id: UUID, judged: Judged) -> bool:
        """Keep what became of it; False when that is known already."""
        done = await self._connection.execute(
            update(work_orders)
            .where(work_orders.c.id == order_id, work_orders.c.status == OrderStatus.SUBMITTED)
            .values(status=judged.status, reason=judged.reason)
        )
        return done.rowcount == 1

    async def to_judge(self) -> list[EndedOrder]:
        """Return what was handed in and whose run has ended."""
        rows = await self._connection.execute(
            select(
                work_orders.c.id,
                work_orders.c.kind,
                work_orders.c.ticket_id,
                work_orders.c.handed,
                tickets.c.key,
                runs.c.status,
                runs.c.outcome,
                runs.c.reason,
            )
            .join(runs, runs.c.id == work_orders.c.run_id)
            .join(tickets, tickets.c.id == work_orders.c.ticket_id)
            .where(
                work_orders.c.status == OrderStatus.SUBMITTED,
                runs.c.status.in_(["finished", "cancelled"]),
            )
            .order_by(work_orders.c.id)
            .limit(500)
        )
        return [_ended(row) for row in rows]

    async def mark_lost(self) -> None:
        """Offer again what was handed in and got no run: whoever took it in was lost on the way."""
        long_ago = func.clock_timestamp() - timedelta(seconds=LOST_AFTER_S)
        await self._connection.execute(
            update(work_orders)
            .where(
                work_orders.c.status == OrderStatus.SUBMITTED,
                work_orders.c.run_id.is_(None),
                work_orders.c.submitted_at < long_ago,
            )
            .values(status=OrderStatus.ERRORED, reason="What was handed in was lost on the way.")
        )

    async def _change(
        self, order_id: UUID, account: Account, before: OrderStatus, **values: Any
    ) -> bool:
        done = await self._connection.execute(
            update(work_orders)
            .where(
                work_orders.c.id == order_id,
                work_orders.c.status == before,
                work_orders.c.claimed_by == account.id,
            )
            .values(**values)
        )
        return done.rowcount == 1


def _seen_by(sight: Sight | None) -> list[ColumnElement[bool]]:
    """Return the condition that an order tells of no hidden verdict.

    One that was placed because the claim is endorsed says that it is.
    """
    if sight is None:
        return []
    endorsed = and_(
        work_orders.c.created_by.is_(None), work_orders.c.note == NOTES[OrderRule.ENDORSED]
    )
    of_others = work_orders.c.claimed_by.is_distinct_from(sight.account)
    return [~and_(endorsed, of_others, hidden_from(sight))]


def _ended(row: Any) -> EndedOrder:
    handed = row.handed or {}
    submitted = handed.get("submitted")
    return EndedOrder(
        id=row.id,
        kind=OrderKind(row.kind),
        ticket_id=row.ticket_id,
        ticket=row.key,
        status=RunStatus(row.status),
        outcome=None if row.outcome is None else RunOutcome(row.outcome),
        reason=row.reason,
        taken=Taken(None if submitted is None else UUID(submitted), handed.get("patch")),
    )


def _order(row: Any) -> WorkOrder:
    status = OrderStatus(row.shown_status)
    is_held = status is not _OPEN
    return from_row(
        WorkOrder,
        row,
        ticket=row.key,
        status=status,
        created_by=row.maker,
        claimed_by=row.doer if is_held else None,
        lease_expires_at=row.lease_expires_at if status is _CLAIMED else None,
        run=row.run_id,
    )
