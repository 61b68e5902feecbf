"""Cross-reviews."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.accounts import Account
from app.domain.reviews import Review, ReviewDraft
from app.schema.accounts import accounts
from app.schema.reviews import reviews
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

    async def of_ticket(
        self, ticket_id: int, *, every: bool, after: UUID | None, limit: int
    ) -> list[Review]:
        """Return reviews of a ticket, oldest first; `every` includes superseded ones."""
        author = accounts.alias("author")
        pairs: list[Any] = []
        for name, column in review_fields(author).items():
            pairs += [name, column]
        query = (
            select(type_coerce(func.json_build_object(*pairs), JSONB).label("review"))
            .join_from(reviews, tickets, tickets.c.id == reviews.c.ticket_id)
            .join(author, author.c.id == reviews.c.author_id)
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
