"""Cross-reviews: what specialists say of a ticket."""

from __future__ import annotations

from uuid import UUID

from app.domain.accounts import Actor, Role
from app.domain.reviews import Review, ReviewDraft
from app.errors import FieldError, Forbidden, InvalidInput
from app.services.access import describe, lock_ticket
from app.services.tickets import id_of
from app.storage.tickets import LockedTicket
from app.storage.unit import Stores, UnitOfWork


class ReviewService:
    """Cross-reviews of tickets."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit

    async def record(self, actor: Actor, key: str, draft: ReviewDraft) -> Review:
        """Record a review; an earlier one of the same specialist is superseded.

        Raises:
            NotFound: there is no such ticket.
            Forbidden: the account does not speak for the specialist.
            InvalidInput: no specialist can be told, or the version lies ahead of the ticket.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            specialist = await _specialist(stores, actor, draft.specialist)
            version = _version_read(ticket, draft.ticket_version)
            await stores.reviews.add(
                ticket.id,
                draft,
                actor.account,
                specialist=specialist,
                on_behalf=specialist not in actor.account.speaks_for,
                ticket_version=version,
                content_version=version,
            )
            await stores.audit.record(
                actor,
                "review.recorded",
                ticket_id=ticket.id,
                changes={"specialist": [None, specialist], "verdict": [None, draft.verdict.value]},
            )
            current = await stores.reviews.of_ticket(ticket.id, every=False, after=None, limit=500)
            return next(review for review in current if review.specialist == specialist)

    async def page(self, key: str, *, every: bool, after: UUID | None, limit: int) -> list[Review]:
        """Return reviews of a ticket, oldest first; `every` includes superseded ones.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            return await stores.reviews.of_ticket(
                await id_of(stores, key), every=every, after=after, limit=limit
            )


async def _specialist(stores: Stores, actor: Actor, wanted: str | None) -> str:
    known = tuple(specialist.name for specialist in await stores.accounts.specialists())
    if wanted is None:
        own = actor.account.speaks_for
        if len(own) == 1:
            return own[0]
        raise InvalidInput(
            FieldError(
                "/specialist",
                "say which specialist speaks: your account "
                + (f"speaks for {', '.join(own)}" if own else "speaks for none by itself"),
                allowed=own or known,
            )
        )
    if wanted not in known:
        raise InvalidInput(
            FieldError("/specialist", f"{wanted!r} is not a specialist", allowed=known)
        )
    if not actor.account.may_speak_for(wanted):
        raise Forbidden(
            f"{actor.name} does not speak for {wanted}. An admin can let it, or a maintainer may "
            "record the review.",
            needs=f"speaks_for {wanted}, or {Role.MAINTAINER.value}",
            you=describe(actor),
        )
    return wanted


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
