"""The review queue: what still wants a specialist's review, and who has taken it on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.tickets import Ticket, TicketSummary

MOST_CLAIMED = 50
"""So many tickets are leased by one claim at most."""

LONGEST_LEASE_MINUTES = 24 * 60


@dataclass(frozen=True)
class QueuedTicket:
    """A ticket that wants a review."""

    ticket: TicketSummary
    lease_expires_at: datetime | None
    """Until when the asking account holds it; None when nobody does."""


@dataclass(frozen=True)
class LeasedTicket:
    """A ticket that the asking account has taken on, to be reviewed before the lease ends."""

    ticket: Ticket
    expires_at: datetime
