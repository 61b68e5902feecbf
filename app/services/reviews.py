"""Cross-reviews: what specialists say of a ticket, and how objections end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.domain.accounts import Actor, Role
from app.domain.amendments import changes_of
from app.domain.reviews import Answer, Review, ReviewDraft, why_not_answerable
from app.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from app.services.access import describe, id_of, load_ticket, lock_ticket, require
from app.services.documents import check_changes
from app.services.service import Service
from app.services.sight import seen_reviews, sight
from app.services.specialists import specialist_spoken_for
from app.storage.tickets.tickets import LockedTicket
from app.storage.unit import Stores

_MOST_REVIEWS = 10_000
"""More no ticket has."""


class ReviewService(Service):
    """Cross-reviews of tickets."""

    async def record(self, actor: Actor, key: str, draft: ReviewDraft) -> Review:
        """Record a review; an earlier one of the same specialist is superseded, a lease ends.

        Raises:
            NotFound: there is no such ticket.
            Forbidden: the account does not speak for the specialist.
            InvalidInput: no specialist can be told, the version lies ahead of the ticket, the
                amendment does not fit the ticket, or evidence names a run that does not exist.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            specialist = await specialist_spoken_for(stores, actor, draft.specialist)
            version = _version_read(ticket, draft.ticket_version)
            await _check_amendment(stores, key, draft.amendment)
            await _check_runs(stores, draft)
            return await stores.reviews.record(
                ticket, draft, actor, specialist=specialist, ticket_version=version
            )

    async def answer(
        self, actor: Actor, key: str, review_id: UUID, resolution: Answer, reason: str
    ) -> Review:
        """End an open objection: its author withdraws it, a maintainer accepts or overrules it.

        Raises:
            NotFound: there is no such ticket, or it has no such review.
            Conflict: the review is no open objection.
            Forbidden: the resolution is not this account's to give.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            review = await find_review(stores, ticket, review_id)
            reason_against = why_not_answerable(review)
            if reason_against is not None:
                raise Conflict(f"The review {review.id} of {key} {reason_against}.")
            if resolution is Answer.WITHDRAWN:
                require_author(actor, review, "withdraw it")
            else:
                require(actor, Role.MAINTAINER)
            answer = {
                "resolution": resolution.value,
                "reason": reason,
                "by": actor.name,
                "at": datetime.now(UTC),
            }
            await stores.reviews.mark_answered(review.id, answer)
            await stores.audit.record(
                actor,
                "review.answered",
                ticket_id=ticket.id,
                changes={
                    "review": [str(review.id), str(review.id)],
                    "answer": [None, resolution.value],
                    "reason": [None, reason],
                },
            )
            return await find_review(stores, ticket, review_id)

    async def confirm(
        self, actor: Actor, key: str, review_id: UUID, *, ticket_version: int | None = None
    ) -> Review:
        """Let an outdated review hold for the present content; one that holds stays as it is.

        Raises:
            NotFound: there is no such ticket, or it has no such review.
            Conflict: a later review has superseded it, or the content has changed since the
                version that the author says to have read.
            Forbidden: somebody else wrote it.
            InvalidInput: the version lies ahead of the ticket.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            review = await find_review(stores, ticket, review_id)
            require_author(actor, review, "confirm it")
            if review.superseded_by is not None:
                raise Conflict(
                    f"The review {review.id} was superseded by {review.superseded_by}; only the "
                    "current one can be confirmed."
                )
            version = _version_read(ticket, ticket_version)
            if version < ticket.content_version:
                raise Conflict(
                    f"The content of {key} changed at version {ticket.content_version}, after the "
                    f"version {version} that you read. Read it again, then confirm.",
                    extra={"etag": f'"{ticket.version}"'},
                )
            if not review.outdated:
                return review
            await stores.reviews.mark_confirmed(review.id, version)
            await stores.leases.end(ticket.id, review.specialist)
            await stores.audit.record(
                actor,
                "review.confirmed",
                ticket_id=ticket.id,
                changes={
                    "review": [str(review.id), str(review.id)],
                    "specialist": [review.specialist, review.specialist],
                    "outdated": [True, False],
                },
            )
            return await find_review(stores, ticket, review_id)

    async def page(self, key: str, *, every: bool, after: UUID | None, limit: int) -> list[Review]:
        """Return reviews of a ticket, oldest first; `every` includes superseded ones.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            if sight() is None:
                ticket_id = await id_of(stores, key)
                return await stores.reviews.of_ticket(
                    ticket_id, every=every, after=after, limit=limit
                )
            ticket = await load_ticket(stores, key)
            found = await stores.reviews.of_ticket(
                ticket.id, every=every, after=after, limit=_MOST_REVIEWS
            )
            return list(seen_reviews(ticket, found))[:limit]


async def find_review(stores: Stores, ticket: LockedTicket, review_id: UUID) -> Review:
    """Return a review of a ticket.

    Raises:
        NotFound: the ticket has no such review.
    """
    review = await stores.reviews.find(ticket.id, review_id)
    if review is not None and sight() is not None:
        seen = seen_reviews(await load_ticket(stores, ticket.key), [review])
        review = next(iter(seen), None)
    if review is None:
        raise NotFound(f"{ticket.key} has no review {review_id}.")
    return review


def require_author(actor: Actor, review: Review, what: str) -> None:
    """Check that the actor wrote the review.

    Raises:
        Forbidden: somebody else did.
    """
    if review.author != actor.name:
        raise Forbidden(
            f"{review.author} wrote this review; only its author may {what}. You are "
            f"{describe(actor)}.",
            needs=f"the review's author, {review.author}",
            you=describe(actor),
        )


def below_amendment(error: InvalidInput) -> InvalidInput:
    """Return the error with its pointers below ``/amendment``, where the client wrote it."""
    return InvalidInput(
        *(
            FieldError(f"/amendment{item.pointer}", item.detail, item.allowed, item.did_you_mean)
            for item in error.errors
        )
    )


async def _check_amendment(stores: Stores, key: str, amendment: Mapping[str, Any] | None) -> None:
    if amendment is None:
        return
    try:
        await check_changes(stores, await load_ticket(stores, key), changes_of(amendment))
    except InvalidInput as error:
        raise below_amendment(error) from None


async def _check_runs(stores: Stores, draft: ReviewDraft) -> None:
    named = {n: UUID(i["id"]) for n, i in enumerate(draft.evidence) if i["kind"] == "run"}
    unknown = await stores.reviews.unknown_runs(list(named.values()))
    errors = [
        FieldError(f"/evidence/{n}/id", f"there is no run {run_id}")
        for n, run_id in named.items()
        if run_id in unknown
    ]
    if errors:
        raise InvalidInput(*errors)


def _version_read(ticket: LockedTicket, given: int | None) -> int:
    if given is None:
        return ticket.version
    if given > ticket.version:
        raise InvalidInput(
            FieldError(
                "/ticket_version",
                f"{ticket.key} is at version {ticket.version}; there is no version {given} yet",
            )
        )
    return given
