"""Tickets that are like one that exists, or that is being filed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from app.domain.similarity import (
    KeyFrequencies,
    features,
    most_similar,
    similarity_keys,
    telling_keys,
)
from app.domain.tickets import Location, SimilarTicket
from app.storage.unit import Stores

_KNOWN_FOR_S = 60.0


class SimilarTickets:
    """Finds tickets that are alike."""

    def __init__(self) -> None:
        # Statistics, by which keys are chosen and nothing is decided: they may be a little old.
        self._known = KeyFrequencies()
        self._until = 0.0

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
        keys = telling_keys(similarity_keys(own), await self._frequencies(stores))
        candidates = await stores.similar.candidates(locations, keys, own_key=own_key)
        return tuple(most_similar(own, candidates))

    async def _frequencies(self, stores: Stores) -> KeyFrequencies:
        now = time.monotonic()
        if now >= self._until:
            self._until = now + _KNOWN_FOR_S
            self._known = await stores.similar.frequencies()
        return self._known
