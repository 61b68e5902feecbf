"""Cross-reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, bindparam, delete, func, insert, select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.accounts import Actor
from app.domain.plain import from_plain
from app.domain.reviews import Review, ReviewDraft
from app.domain.sight import Sight
from app.schema.accounts import accounts
from app.schema.audit import audit_events
from app.schema.reviews import review_leases, reviews
from app.schema.runs import runs
from app.schema.tickets import tickets
from app.storage.prepared import Prepared, as_json, new_values
from app.storage.rows import new_id
from app.storage.sight import hidden_from
from app.storage.store import Store
from app.storage.tickets.show import review_fields
from app.storage.tickets.tickets import LockedTicket


class ReviewStore(Store):
    """Cross-reviews of tickets."""

    async def record(
        self,
        ticket: LockedTicket,
        draft: ReviewDraft,
        actor: Actor,
        *,
        specialist: str,
        ticket_version: int,
    ) -> Review:
        """Add a review with its audit event; it supersedes the current one and ends the lease.

        The caller holds the ticket's row lock, so no second current review can slip in between.
        """
        author = actor.account
        given: dict[str, Any] = {
            "id": new_id(),
            "specialist": specialist,
            "on_behalf": specialist not in author.speaks_for,
            "verdict": draft.verdict.value,
            "rationale": draft.rationale,
            "claim": None if draft.claim is None else draft.claim.value,
            "fix": None if draft.fix is None else draft.fix.value,
            "proposed_severity": draft.proposed_severity,
            "ticket_version": ticket_version,
        }
        told = {name: getattr(draft, name) for name in _TOLD}
        changes = {"specialist": [None, specialist], "verdict": [None, draft.verdict.value]}
        row = await _RECORD.row(
            self._connection,
            **{f"new_{name}": value for name, value in given.items()},
            **{f"new_{name}": _json(value) for name, value in told.items()},
            new_ticket_id=ticket.id,
            new_author_id=author.id,
            new_content_version=ticket_version,
            audit_changes=_json(changes),
            audit_request=actor.request_id,
        )
        assert row is not None
        words = {name: getattr(draft, name) for name in ("verdict", "claim", "fix")}
        return Review(
            **{**given, **told, **words},
            author=author.name,
            created_at=row.created_at,
            outdated=ticket_version < ticket.content_version,
        )

    async def find(self, ticket_id: int, review_id: UUID) -> Review | None:
        """Return a review of a ticket, superseded or not, or None."""
        query = _whole_reviews().where(reviews.c.ticket_id == ticket_id, reviews.c.id == review_id)
        found = await self._connection.scalar(query)
        return None if found is None else from_plain(Review, found)

    async def mark_applied(self, review_id: UUID, applied: Mapping[str, Any]) -> None:
        """Record that a review's amendment was taken."""
        await self._connection.execute(
            update(reviews).where(reviews.c.id == review_id).values(applied=dict(applied))
        )

    async def mark_answered(self, review_id: UUID, answer: Mapping[str, Any]) -> None:
        """Record how an objection ended."""
        await self._connection.execute(
            update(reviews).where(reviews.c.id == review_id).values(answer=dict(answer))
        )

    async def mark_confirmed(self, review_id: UUID, content_version: int) -> None:
        """Record that a review holds for the content of `content_version`."""
        await self._connection.execute(
            update(reviews)
            .where(reviews.c.id == review_id)
            .values(content_version=func.greatest(reviews.c.content_version, content_version))
        )

    async def carry_over(
        self, ticket_id: int, *, since: int, to: int, only: UUID | None = None
    ) -> None:
        """Let reviews that hold for the content of version `since` hold for that of `to` too.

        The caller holds the ticket's row lock and has just changed the content. With `only` this
        concerns one review.
        """
        held = [reviews.c.ticket_id == ticket_id, reviews.c.content_version >= since]
        if only is not None:
            held.append(reviews.c.id == only)
        await self._connection.execute(update(reviews).where(*held).values(content_version=to))

    async def unknown_runs(self, wanted: Sequence[UUID]) -> set[UUID]:
        """Return those of the `wanted` ids that no run has."""
        if not wanted:
            return set()
        known = await self._connection.scalars(select(runs.c.id).where(runs.c.id.in_(wanted)))
        return set(wanted) - set(known)

    async def hidden_of(self, sight: Sight, keys: Sequence[str]) -> list[str]:
        """Return those of `keys` of tickets whose verdicts are hidden."""
        query = select(tickets.c.key).where(tickets.c.key.in_(keys), hidden_from(sight))
        return list(await self._connection.scalars(query))

    async def of_ticket(
        self, ticket_id: int, *, every: bool, after: UUID | None, limit: int
    ) -> list[Review]:
        """Return reviews of a ticket, oldest first; `every` includes superseded ones."""
        query = (
            _whole_reviews()
            .where(reviews.c.ticket_id == ticket_id)
            .order_by(reviews.c.id)
            .limit(limit)
        )
        if not every:
            query = query.where(reviews.c.superseded_by.is_(None))
        if after is not None:
            query = query.where(reviews.c.id > after)
        rows = await self._connection.scalars(query)
        return [from_plain(Review, item) for item in rows]


_GIVEN = (
    "id",
    "ticket_id",
    "specialist",
    "author_id",
    "on_behalf",
    "verdict",
    "rationale",
    "claim",
    "fix",
    "proposed_severity",
    "ticket_version",
    "content_version",
)
_TOLD = ("amendment", "evidence", "provenance")
"""What is kept as JSON."""


def _recording() -> Select[Any]:
    """Return the statement that records a review with all that it brings about."""
    table = reviews.c
    new = new_values(reviews, *_GIVEN, *_TOLD)
    superseded = (
        update(reviews)
        .where(
            table.ticket_id == new["ticket_id"],
            table.specialist == new["specialist"],
            table.superseded_by.is_(None),
        )
        .values(superseded_by=new["id"])
        .returning(table.id)
        .cte("superseded")
    )
    # The count makes the new one wait for the old one to be superseded: only one may be current.
    before = select(func.count()).select_from(superseded).scalar_subquery()
    added = (
        insert(reviews)
        .from_select([*new], select(*new.values()).where(before >= 0))
        .returning(table.created_at)
        .cte("added")
    )
    lease = (
        delete(review_leases)
        .where(
            review_leases.c.ticket_id == new["ticket_id"],
            review_leases.c.specialist == new["specialist"],
        )
        .cte("lease")
    )
    event = (
        insert(audit_events)
        .values(
            ticket_id=new["ticket_id"],
            actor_id=new["author_id"],
            action="review.recorded",
            changes=bindparam("audit_changes", type_=audit_events.c.changes.type),
            request_id=bindparam("audit_request", type_=Text),
        )
        .cte("event")
    )
    return select(added.c.created_at).add_cte(lease, event)


_RECORD = Prepared(_recording)


def _json(value: Any) -> str | None:
    return None if value is None else as_json(value)


def _whole_reviews() -> Select[Any]:
    author = accounts.alias("author")
    pairs: list[Any] = []
    for name, column in review_fields(author).items():
        pairs += [name, column]
    return (
        select(type_coerce(func.json_build_object(*pairs), JSONB).label("review"))
        .join_from(reviews, tickets, tickets.c.id == reviews.c.ticket_id)
        .join(author, author.c.id == reviews.c.author_id)
    )
