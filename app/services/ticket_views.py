"""What a page shows of a ticket beside the ticket itself, read at one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.audit import AuditEvent
from app.domain.notes import Note
from app.domain.reviews import Review
from app.domain.runs import Run, RunStatus
from app.domain.tickets import Ticket
from app.services.tickets import shown
from app.storage.runs import RunFilter
from app.storage.unit import Stores, UnitOfWork

_RUNS = 6
_NOTES = 50
_EVENTS = 500


@dataclass(frozen=True)
class TicketView:
    """A ticket as its page shows it."""

    ticket: Ticket
    notes: Sequence[Note]
    runs: Sequence[Run]
    """The newest ones, without arms."""
    run: Run | None
    """The one whose arms are shown: under way, else the newest that has ended with results."""
    patches: Mapping[str, str]
    """Texts by name."""


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

    async def show(self, key: str) -> TicketView:
        """Return a ticket with its notes, runs and patches.

        Raises:
            NotFound: there is none.
        """
        async with self._unit.read() as stores:
            ticket = await shown(stores, key)
            notes = await stores.notes.of_ticket(ticket.id, after=None, limit=_NOTES)
            runs = await stores.runs.page(RunFilter(ticket=(key,)), after=None, limit=_RUNS)
            run = await _run_to_show(stores, ticket, runs)
            texts = {}
            if ticket.patches:
                texts = {p.name: p.text for p in await stores.patches.of_ticket(ticket.id)}
        return TicketView(ticket, notes, runs, run, texts)

    async def past(self, key: str) -> TicketPast:
        """Return a ticket with its history and every review.

        Raises:
            NotFound: there is none.
        """
        async with self._unit.read() as stores:
            ticket = await shown(stores, key)
            events = await stores.audit.of_ticket(ticket.id, after=0, limit=_EVENTS)
            reviews = await stores.reviews.of_ticket(
                ticket.id, every=True, after=None, limit=_EVENTS
            )
        return TicketPast(ticket, events, reviews)


async def _run_to_show(stores: Stores, ticket: Ticket, runs: Sequence[Run]) -> Run | None:
    if not runs:
        return None
    newest = runs[0]
    if newest.status is RunStatus.CANCELLED and ticket.evidence.run is not None:
        return await stores.runs.show(ticket.evidence.run)
    return await stores.runs.show(newest.id)
