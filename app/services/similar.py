"""Tickets that are like one that exists, or that is being filed."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.similarity import features, most_similar, similarity_keys, telling_keys
from app.domain.tickets import Location, SimilarTicket
from app.services.statistics import Statistics
from app.storage.unit import Stores


class SimilarTickets:
    """Finds tickets that are alike."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    async def like(
        self,
        stores: Stores,
        title: str,
        summary: str,
        locations: Sequence[Location],
        *,
        own_key: str = "",
    ) -> tuple[SimilarTicket, ...]:
        """Return the tickets most like a finding, except the one with `own_key`."""
        own = features(title, summary, locations)
        known = await self._statistics.of_tickets(stores)
        keys = telling_keys(similarity_keys(own), known.keys)
        candidates = await stores.similar.candidates(locations, keys, own_key=own_key)
        return tuple(most_similar(own, candidates))
