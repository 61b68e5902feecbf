"""Tickets by their keys, and who may do what to them; roles of plain calls the route checks."""

from __future__ import annotations

from app.domain.accounts import Actor, Role
from app.domain.lifecycle import may_edit
from app.domain.remedies import Caller
from app.domain.sight import seen_ticket
from app.domain.tickets import Ticket
from app.errors import Forbidden, NotFound, PreconditionFailed, PreconditionRequired
from app.services.sight import sight
from app.storage.tickets.tickets import LockedTicket
from app.storage.unit import Stores


def describe(actor: Actor) -> str:
    """Return how errors name an actor to itself."""
    return f"{actor.name} ({actor.role.value})"


def require(actor: Actor, role: Role) -> None:
    """Check that the actor's role includes `role`.

    Raises:
        Forbidden: it does not.
    """
    if not actor.role.includes(role):
        raise Forbidden(
            f"This call needs the role {role.value}; you are {describe(actor)}.",
            needs=role.value,
            you=describe(actor),
        )


def require_editor(actor: Actor, ticket: LockedTicket) -> None:
    """Check that the actor may edit the ticket: a maintainer any, others their own open ones.

    Raises:
        Forbidden: it may not.
    """
    own = ticket.created_by == actor.account.id
    if may_edit(actor.role, own=own, status=ticket.status):
        return
    reason = f"is {ticket.status.value}" if own else "was filed by somebody else"
    raise Forbidden(
        f"{ticket.key} {reason}; only a maintainer may edit it. You are {describe(actor)}.",
        needs=Role.MAINTAINER.value,
        you=describe(actor),
    )


def caller_on(actor: Actor, ticket: LockedTicket, *, strict: bool) -> Caller:
    """Return the actor as the reader of remedies of a ticket; `strict` says how the cage is."""
    own = ticket.created_by == actor.account.id
    return Caller(actor.account, owns=own and not ticket.status.is_final, strict=strict)


def check_if_match(ticket: LockedTicket, if_match: str | None) -> None:
    """Check the ETag that a client read the ticket with.

    Raises:
        PreconditionRequired: none came.
        PreconditionFailed: the ticket has changed since.
    """
    etag = f'"{ticket.version}"'
    headers = {"ETag": etag}
    if if_match is None:
        raise PreconditionRequired(
            f"Send If-Match: {etag} to change {ticket.key}, after reading that version.",
            extra={"etag": etag},
            headers=headers,
        )
    sent = [part.strip() for part in if_match.split(",")]
    if "*" not in sent and etag not in sent:
        raise PreconditionFailed(
            f"{ticket.key} is at version {ticket.version}, you sent If-Match: {if_match}. Read it "
            "again and repeat the change on top of it.",
            extra={"etag": etag},
            headers=headers,
        )


async def load_ticket(stores: Stores, key: str) -> Ticket:
    """Return a ticket by key, as whoever this call is for may see it.

    Raises:
        NotFound: there is none.
    """
    ticket = await stores.tickets.show(key)
    if ticket is None:
        raise no_ticket(key)
    return seen_ticket(ticket, sight())


async def id_of(stores: Stores, key: str) -> int:
    """Return the id of a ticket.

    Raises:
        NotFound: there is none.
    """
    found = await stores.tickets.ids_of([key])
    if key not in found:
        raise no_ticket(key)
    return found[key]


async def lock_ticket(stores: Stores, key: str) -> LockedTicket:
    """Lock a ticket until the transaction ends.

    Raises:
        NotFound: there is none.
    """
    ticket = await stores.tickets.lock(key)
    if ticket is None:
        raise no_ticket(key)
    return ticket


def no_ticket(key: str) -> NotFound:
    """Return the error for a ticket that does not exist."""
    return NotFound(f"There is no ticket {key[:60]!r}.")
