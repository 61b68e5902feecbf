"""The review queue and its leases.

A ticket stands in the queue of a specialist while it is not final and has no current review of
that specialist that holds for its present content. A lease is exclusive per ticket and
specialist by the table's key, and free again once it has expired.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.queue import LeasedTicket, QueuedTicket
from app.schema.accounts import specialists
from app.schema.reviews import review_leases, reviews
from app.schema.tickets import tickets
from app.storage.store import Store
from app.storage.tickets.pages import summaries, summary_from
from app.storage.tickets.show import ticket_from, whole_tickets

COUNT_LIMIT = 1000
"""The queue is counted up to here; beyond it nobody acts on the exact number."""


class LeaseStore(Store):
    """What wants review, and who has taken it on."""

    async def queue(
        self, specialist: str, account_id: UUID, *, after: tuple[Any, ...] | None, limit: int
    ) -> list[tuple[tuple[str, int], QueuedTicket]]:
        """Return positions and tickets that want a review and that nobody else holds.

        The gravest come first, and among those the oldest.
        """
        mine = and_(_lease_of(specialist), review_leases.c.account_id == account_id, _is_live())
        expires_at = select(review_leases.c.expires_at).where(mine).scalar_subquery()
        query = (
            summaries()
            .add_columns(expires_at.label("expires_at"))
            .where(_wants_review(specialist), ~_held(specialist, by_others_than=account_id))
            .order_by(tickets.c.severity, tickets.c.id)
            .limit(limit)
        )
        if after is not None:
            position = tuple_(tickets.c.severity, tickets.c.id)
            query = query.where(position > tuple_(literal(after[0]), literal(after[1])))
        rows = await self._connection.execute(query)
        return [
            ((row.severity, row.id), QueuedTicket(summary_from(row), row.expires_at))
            for row in rows
        ]

    async def counts(self, names: Sequence[str], account_id: UUID) -> dict[str, int]:
        """Return how long the queues of the named specialists are, each up to the limit."""
        if not names:
            return {}
        waiting = (
            select(literal(1))
            .select_from(tickets)
            .where(
                _wants_review(specialists.c.name),
                ~_held(specialists.c.name, by_others_than=account_id),
            )
            .correlate(specialists)
            .limit(COUNT_LIMIT)
            .lateral("waiting")
        )
        rows = await self._connection.execute(
            select(
                specialists.c.name,
                select(func.count()).select_from(waiting).scalar_subquery().label("waiting"),
            ).where(specialists.c.name.in_(names))
        )
        return {row.name: row.waiting for row in rows}

    async def lock_waiting(self, specialist: str, limit: int) -> list[int]:
        """Lock tickets that want a review and that nobody holds, and return their ids.

        Tickets whose rows are locked by somebody else are passed over, not waited for: claimers
        do not queue up behind each other, each goes on to the next ticket. What a passed-over
        transaction committed since this statement began is not seen here; `lease` looks again.
        """
        query = (
            select(tickets.c.id)
            .where(_wants_review(specialist), ~_held(specialist))
            .order_by(tickets.c.severity, tickets.c.id)
            .limit(limit)
            # Not FOR UPDATE: that would pass over what somebody just adds a note or a test to.
            .with_for_update(of=tickets, skip_locked=True, key_share=True)
        )
        return list(await self._connection.scalars(query))

    async def lock_named(self, ids: Collection[int]) -> list[int]:
        """Lock tickets by id, in the order of their ids so that no two callers wait in a ring."""
        query = select(tickets.c.id).where(tickets.c.id.in_(ids)).order_by(tickets.c.id)
        return list(await self._connection.scalars(query.with_for_update(key_share=True)))

    async def lease(
        self,
        ids: Collection[int],
        specialist: str,
        account_id: UUID,
        lasting: timedelta,
        *,
        extend: bool,
    ) -> list[int]:
        """Lease tickets whose rows the caller has locked, and return the ids that it got.

        A ticket that was reviewed, closed or leased before the lock was got is left out. With
        `extend` a lease of the account's own begins anew.
        """
        owner = account_id if extend else None
        free = (
            select(tickets.c.id, literal(specialist), literal(account_id), func.now() + lasting)
            .where(
                tickets.c.id.in_(ids),
                _wants_review(specialist),
                ~_held(specialist, by_others_than=owner),
            )
            .order_by(tickets.c.id)
        )
        columns = ["ticket_id", "specialist", "account_id", "expires_at"]
        statement = upsert(review_leases).from_select(columns, free)
        new, now = statement.excluded, func.now()
        same_owner = review_leases.c.account_id == new.account_id
        rows = await self._connection.scalars(
            statement.on_conflict_do_update(
                constraint="pk_review_leases",
                set_={
                    "account_id": new.account_id,
                    "expires_at": new.expires_at,
                    "created_at": case((same_owner, review_leases.c.created_at), else_=now),
                },
                where=or_(~_is_live(), same_owner) if extend else ~_is_live(),
            ).returning(review_leases.c.ticket_id)
        )
        return list(rows)

    async def leased(self, ids: Collection[int], specialist: str) -> list[LeasedTicket]:
        """Return leased tickets whole, with the end of the lease, in the order of the queue."""
        expires_at = select(review_leases.c.expires_at).where(_lease_of(specialist))
        query = (
            whole_tickets()
            .add_columns(expires_at.scalar_subquery().label("expires_at"))
            .where(tickets.c.id.in_(ids))
            .order_by(tickets.c.severity, tickets.c.id)
        )
        rows = await self._connection.execute(query)
        return [LeasedTicket(ticket_from(row, self._context.gate), row.expires_at) for row in rows]

    async def any_waiting(self, specialist: str) -> bool:
        """Tell whether a ticket wants a review and nobody holds it."""
        query: Select[Any] = (
            select(literal(1))
            .select_from(tickets)
            .where(_wants_review(specialist), ~_held(specialist))
            .limit(1)
        )
        return await self._connection.scalar(query) is not None

    async def release(
        self, specialist: str, account_id: UUID, ids: Collection[int] | None
    ) -> list[str]:
        """End leases of an account, all or those of the given tickets; return their keys."""
        mine = select(review_leases.c.ticket_id).where(
            review_leases.c.specialist == specialist, review_leases.c.account_id == account_id
        )
        if ids is not None:
            mine = mine.where(review_leases.c.ticket_id.in_(ids))
        # Locked in the order in which claims insert, so that none waits for another in a ring.
        locked = mine.order_by(review_leases.c.ticket_id).with_for_update().cte("locked")
        gone = (
            delete(review_leases)
            .where(
                review_leases.c.specialist == specialist,
                review_leases.c.ticket_id.in_(select(locked.c.ticket_id)),
            )
            .returning(review_leases.c.ticket_id, review_leases.c.expires_at)
            .cte("gone")
        )
        rows = await self._connection.scalars(
            select(tickets.c.key)
            .join(gone, gone.c.ticket_id == tickets.c.id)
            .where(gone.c.expires_at > func.now())
            .order_by(tickets.c.sort_key)
        )
        return list(rows)

    async def end(self, ticket_id: int, specialist: str) -> None:
        """End the lease of a ticket, whoever holds it: its review is there."""
        await self._connection.execute(
            delete(review_leases).where(
                review_leases.c.ticket_id == ticket_id, review_leases.c.specialist == specialist
            )
        )

    async def end_all(self, account_id: UUID) -> None:
        """End all leases of an account."""
        await self._connection.execute(
            delete(review_leases).where(review_leases.c.account_id == account_id)
        )


def _wants_review(specialist: str | ColumnElement[str]) -> ColumnElement[bool]:
    holds = (
        exists()
        .where(
            reviews.c.ticket_id == tickets.c.id,
            reviews.c.specialist == specialist,
            reviews.c.superseded_by.is_(None),
            reviews.c.content_version >= tickets.c.content_version,
        )
        .correlate(tickets, specialists)
    )
    # Literals as in the partial index: with parameters a generic plan could not use it.
    final: tuple[ColumnElement[str], ...] = (
        literal_column("'closed'"),
        literal_column("'wont-fix'"),
    )
    return and_(tickets.c.status.not_in(final), ~holds)


def _held(
    specialist: str | ColumnElement[str], *, by_others_than: UUID | None = None
) -> ColumnElement[bool]:
    live = [_lease_of(specialist), _is_live()]
    if by_others_than is not None:
        live.append(review_leases.c.account_id != by_others_than)
    return exists().where(*live).correlate(tickets, specialists)


def _lease_of(specialist: str | ColumnElement[str]) -> ColumnElement[bool]:
    return and_(review_leases.c.ticket_id == tickets.c.id, review_leases.c.specialist == specialist)


def _is_live() -> ColumnElement[bool]:
    return review_leases.c.expires_at > func.now()
