"""Taking the amendment of a review into the ticket's document."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from app.domain.accounts import Actor, Role
from app.domain.amendments import SEVERITY_ONLY, changes_of, proposal_of
from app.domain.gate_calls import confirm_review
from app.domain.remedies import Caller, for_caller
from app.domain.reviews import Review
from app.domain.tickets import Ticket
from app.errors import Conflict, InvalidInput
from app.services.access import load_ticket, lock_ticket, require
from app.services.documents import change_document, content_changed
from app.services.reviews import below_amendment, find_review
from app.services.service import Service


class AmendmentService(Service):
    """Amendments of reviews."""

    async def apply(self, actor: Actor, key: str, review_id: UUID) -> Ticket:
        """Take a review's amendment as a merge patch of the document.

        The applied review stays current, and the others too when of the content only the
        severity changed.

        Raises:
            NotFound: there is no such ticket, or it has no such review.
            Forbidden: the actor is no maintainer.
            Conflict: the review proposes nothing, was applied, superseded, or is outdated.
            InvalidInput: the amendment no longer fits the ticket.
            StillInUse: a checklist item that would go has tests behind it.
        """
        require(actor, Role.MAINTAINER)
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            review = await find_review(stores, ticket, review_id)
            amendment = proposal_of(review)
            if amendment is None:
                raise Conflict(f"The review {review.id} proposes no change to {key}.")
            _check_applicable(actor, key, review)
            before = await load_ticket(stores, key)
            changes = changes_of(amendment)
            try:
                done = await change_document(
                    stores,
                    actor,
                    before,
                    changes,
                    action="review.applied",
                    because={"review": [None, str(review.id)]},
                )
            except InvalidInput as error:
                raise below_amendment(error) from None
            version = before.version + 1 if done else before.version
            touched = content_changed(before, done)
            if touched:
                await stores.reviews.carry_over(
                    before.id,
                    since=before.content_version,
                    to=version,
                    only=None if touched <= SEVERITY_ONLY else review.id,
                )
            applied = {"by": actor.name, "at": datetime.now(UTC), "version": version}
            await stores.reviews.mark_applied(review.id, applied)
            return await load_ticket(stores, key)


def _check_applicable(actor: Actor, key: str, review: Review) -> None:
    if review.applied is not None:
        raise Conflict(
            f"The review {review.id} was applied by {review.applied['by']} as version "
            f"{review.applied['version']} of {key}."
        )
    if review.superseded_by is not None:
        raise Conflict(
            f"The review {review.id} was superseded by {review.superseded_by}. Apply that one."
        )
    if review.outdated:
        # It was written on top of another text: taking it would undo what changed since.
        raise Conflict(
            f"The content of {key} has changed since the review {review.id} was written. "
            f"{review.author} can confirm that it still holds; then apply it.",
            remedies=[
                for_caller(confirm_review(key, review.id, review.author), Caller(actor.account))
            ],
        )
