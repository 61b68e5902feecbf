"""Blind reviewing: others' verdicts are kept from a reviewer until its own is in.

An account is blind by itself, or as a specialist that it speaks for. Maintainers and admins never
are: they answer objections and close tickets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from app.domain.accounts import Actor, Role
from app.domain.reviews import Review, consensus_of
from app.domain.tickets import Ticket, TicketSummary


@dataclass(frozen=True)
class Sight:
    """Who is blind, and as what."""

    account: UUID
    name: str
    blind: bool
    """By itself, until a current review is its own."""
    blind_as: tuple[str, ...]
    """As these specialists, until each has a current review."""
    speaks_for: tuple[str, ...]

    def hides(self, reviews: Iterable[Review]) -> bool:
        """Tell whether others' verdicts on a ticket with these current reviews are hidden."""
        current = [review for review in reviews if review.superseded_by is None]
        if self.blind and all(review.author != self.name for review in current):
            return True
        return not set(self.blind_as) <= {review.specialist for review in current}

    def own(self, reviews: Iterable[Review]) -> tuple[Review, ...]:
        """Return those that the account itself wrote."""
        return tuple(review for review in reviews if review.author == self.name)


def sight_of(actor: Actor) -> Sight | None:
    """Return what is hidden from an actor; None: nothing is."""
    account = actor.account
    if account.role.includes(Role.MAINTAINER) or not (account.blind or account.blind_as):
        return None
    return Sight(account.id, account.name, account.blind, account.blind_as, account.speaks_for)


def seen_ticket(ticket: Ticket, sight: Sight | None) -> Ticket:
    """Return a ticket without what is hidden of it."""
    if sight is None or not sight.hides(ticket.reviews):
        return ticket
    own = sight.own(ticket.reviews)
    closure = ticket.closure
    return replace(
        ticket,
        reviews=own,
        consensus=consensus_of(own, sight.speaks_for),
        verdicts_hidden=True,
        # That objections were overridden says that there were some.
        closure=None if closure is None else replace(closure, overridden=()),
    )


def hide_in_summaries(tickets: Sequence[TicketSummary], hidden: Iterable[str]) -> None:
    """Take the counts of verdicts out of those tickets whose keys are `hidden`."""
    keys = set(hidden)
    for ticket in tickets:
        if ticket.key in keys:
            ticket.consensus = {**dict.fromkeys(ticket.consensus, 0), "hidden": True}
