"""What a page shows of a ticket beside the ticket itself, read at one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.audit import AuditEvent
from app.domain.cache import Cache
from app.domain.reviews import Review
from app.domain.runs import Run, RunStatus
from app.domain.strength import Mutant, MutantOutcome, in_order_of_need
from app.domain.tickets import Ticket
from app.services.access import load_ticket
from app.services.sight import seen_reviews, sight
from app.storage.tickets.beside import Beside
from app.storage.unit import Stores, UnitOfWork

_MOST_KEPT = 64
_NOTES = 50
_EVENTS = 500
_SURVIVORS = 200


@dataclass(frozen=True)
class TicketView:
    """A ticket as its page shows it."""

    ticket: Ticket
    beside: Beside
    run: Run | None
    """The newest; the one that decided where the newest was cancelled, or is shown as strength."""
    patches: Mapping[str, str]
    """Texts by name."""
    last_event: int
    """The number of the newest event of its history that is seen; 0 where there is none."""
    survivors: Sequence[Mutant] = ()
    """Mutants that its tests do not notice, those first that nobody has explained."""


@dataclass(frozen=True)
class TicketPast:
    """What happened to a ticket."""

    ticket: Ticket
    events: Sequence[AuditEvent]
    reviews: Sequence[Review]
    """All of them, superseded ones too."""


class TicketViewService:
    """Tickets for people to look at."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._arms = Cache[Run](_MOST_KEPT)
        self._patches = Cache[str](_MOST_KEPT)

    async def show(self, key: str) -> TicketView:
        """Return a ticket with its notes, its newest run and its patches.

        Raises:
            NotFound: there is none.
        """
        async with self._unit.read() as stores:
            ticket = await load_ticket(stores, key)
            beside = await stores.beside.of_ticket(ticket.id, _NOTES)
            run = await self._run_to_show(stores, ticket)
            patches = await self._patches_of(stores, ticket)
            survivors = await self._survivors(stores, ticket)
            seen = sight()
            # A number that grows would tell who reviews blind that others have spoken.
            last_event = (
                beside.last_event if seen is None else await stores.audit.newest(ticket.id, seen)
            )
        return TicketView(ticket, beside, run, patches, last_event, survivors)

    async def _survivors(self, stores: Stores, ticket: Ticket) -> list[Mutant]:
        if ticket.strength is None:
            return []
        found = await stores.mutants.of_run(
            ticket.strength.run, outcomes=(MutantOutcome.SURVIVED,), limit=_SURVIVORS
        )
        return in_order_of_need(mutant for _, mutant in found)

    async def _run_to_show(self, stores: Stores, ticket: Ticket) -> Run | None:
        newest = await stores.runs.newest(ticket.id)
        if newest is None:
            return None
        measured = ticket.strength is not None and ticket.strength.run == newest.id
        if ticket.evidence.run is not None and (measured or newest.status is RunStatus.CANCELLED):
            return await stores.runs.show(ticket.evidence.run)
        # What a finished run found never changes; its hint does, with the ticket.
        kept = self._arms.get(newest.id)
        if kept is None:
            kept = await stores.runs.show(newest.id)
            if kept is not None and kept.status is RunStatus.FINISHED:
                self._arms.put(kept.id, kept)
        return None if kept is None else replace(kept, hint=newest.hint)

    async def _patches_of(self, stores: Stores, ticket: Ticket) -> Mapping[str, str]:
        texts = {name: self._patches.get(info.digest) for name, info in ticket.patches.items()}
        if None in texts.values():
            for patch in await stores.patches.of_ticket(ticket.id):
                self._patches.put(patch.digest, patch.text)
                texts[patch.name] = patch.text
        return {name: text for name, text in texts.items() if text is not None}

    async def past(self, key: str) -> TicketPast:
        """Return a ticket with its history and every review.

        Raises:
            NotFound: there is none.
        """
        async with self._unit.read() as stores:
            ticket = await load_ticket(stores, key)
            events = await stores.audit.of_ticket(ticket.id, after=0, limit=_EVENTS, sight=sight())
            reviews = await stores.reviews.of_ticket(
                ticket.id, every=True, after=None, limit=_EVENTS
            )
        return TicketPast(ticket, events, seen_reviews(ticket, reviews))
