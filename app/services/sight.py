"""On whose behalf this call looks, and what is hidden from it.

It is kept beside the call and not handed from one function to the next, so that no face, present
or to come, shows a hidden verdict because somebody forgot to ask. Workers look for nobody, and see
all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace

from app.domain.accounts import Actor
from app.domain.filters import TicketFilter
from app.domain.reviews import Review
from app.domain.sight import Sight, hide_in_summaries, sight_of
from app.domain.tickets import Ticket, TicketSummary
from app.storage.unit import Stores

_sight: ContextVar[Sight | None] = ContextVar("sight", default=None)


def look_as(actor: Actor | None) -> None:
    """Let everything that this call reads from now on be read by `actor`."""
    _sight.set(None if actor is None else sight_of(actor))


def sight() -> Sight | None:
    """Return what is hidden from whoever this call is for; None: nothing is."""
    return _sight.get()


def within_sight(wanted: TicketFilter) -> TicketFilter:
    """Return a filter that asks of no hidden verdict: a ticket that has one does not match."""
    if _sight.get() is None or not wanted.asks_for_verdicts:
        return wanted
    return replace(wanted, sight=_sight.get())


async def hide(stores: Stores, tickets: Sequence[TicketSummary]) -> None:
    """Take what is hidden out of tickets as lists show them."""
    found = _sight.get()
    if found is not None and tickets:
        keys = [ticket.key for ticket in tickets]
        hide_in_summaries(tickets, await stores.reviews.hidden_of(found, keys))


def seen_reviews(ticket: Ticket, reviews: Sequence[Review]) -> Sequence[Review]:
    """Return those reviews of a ticket, as `access.shown` gives it, that are not hidden."""
    found = _sight.get()
    return found.own(reviews) if found is not None and ticket.verdicts_hidden else reviews
