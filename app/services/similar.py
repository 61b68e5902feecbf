"""Tickets that are like one that exists, or that is being filed."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.similarity import features, most_similar, similarity_keys
from app.domain.tickets import Location, SimilarTicket
from app.storage.unit import Stores


async def similar_to(
    stores: Stores, title: str, summary: str, locations: Sequence[Location], *, own_key: str = ""
) -> tuple[SimilarTicket, ...]:
    """Return the tickets most like a finding, except the one with `own_key`."""
    own = features(title, summary, locations)
    keys = similarity_keys(own)
    candidates = await stores.similar.candidates(locations, keys, own_key=own_key)
    return tuple(most_similar(own, candidates))
