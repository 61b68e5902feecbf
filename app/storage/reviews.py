"""Cross-reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.accounts import Account
from app.domain.reviews import Review, ReviewDraft
from app.schema.accounts import accounts
from app.schema.reviews import reviews
from app.schema.runs import runs
from app.schema.tickets import tickets
from app.storage.rows import new_id
from app.storage.ticket_show import review_fields, review_from


class ReviewStore:
    """Cross-reviews of tickets."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self,
        ticket_id: int,
        draft: ReviewDraft,
        author: Account,
        *,
        specialist: str,
        on_behalf: bool,
        ticket_version: int,
        content_version: int,
    ) -> UUID:
        """Add a review that supersedes the specialist's current one, and return its id.

        The caller holds the ticket's row lock, so no second current review can slip in between.
        """
        review_id = new_id()
        await self._connection.execute(
            update(reviews)
            .where(
                reviews.c.ticket_id == ticket_id,
                reviews.c.specialist == specialist,
                reviews.c.superseded_by.is_(None),
            )
            .values(superseded_by=review_id)
        )
        await self._connection.execute(
            insert(reviews).values(
                id=review_id,
                ticket_id=ticket_id,
                specialist=specialist,
                author_id=author.id,
                on_behalf=on_behalf,
                verdict=draft.verdict.value,
                rationale=draft.rationale,
                claim=draft.claim,
                fix=draft.fix,
                proposed_severity=draft.proposed_severity,
                amendment=None if draft.amendment is None else dict(draft.amendment),
                evidence=[dict(item) for item in draft.evidence],
                provenance=None if draft.provenance is None else dict(draft.provenance),
                ticket_version=ticket_version,
                content_version=content_version,
            )
        )
        return review_id

    async def find(self, ticket_id: int, review_id: UUID) -> Review | None:
        """Return a review of a ticket, superseded or not, or None."""
        query = _whole_reviews().where(reviews.c.ticket_id == ticket_id, reviews.c.id == review_id)
        found = await self._connection.scalar(query)
        return None if found is None else review_from(found)

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
        return [review_from(item) for item in rows]


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
