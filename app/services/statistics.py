"""The server's statistics, asked for once in a while."""

from __future__ import annotations

import time

from app.domain.cache import Cache
from app.storage.statistics import TicketStatistics
from app.storage.unit import Stores

_KNOWN_FOR_S = 60.0
_MOST_QUERIES = 1000


class Statistics:
    """What is known of tickets, for a minute; and what queries look for, for good."""

    def __init__(self) -> None:
        self._known = TicketStatistics()
        self._until = 0.0
        self._terms = Cache[str](_MOST_QUERIES)

    async def of_tickets(self, stores: Stores) -> TicketStatistics:
        """Return how many tickets there are, which words are common, and the like."""
        now = time.monotonic()
        if now >= self._until:
            self._until = now + _KNOWN_FOR_S
            self._known = await stores.statistics.read()
        return self._known

    async def terms(self, stores: Stores, q: str) -> str:
        """Return what of a query the index of words can look for."""
        found = self._terms.get(q)
        if found is None:
            found = await stores.statistics.terms(q)
            self._terms.put(q, found)
        return found
