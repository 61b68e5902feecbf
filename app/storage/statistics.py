"""What the server's statistics say of tickets: a way is chosen by them, and nothing is decided.

The server renews them by itself (autovacuum); on a new database there are none.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.similarity import KeyFrequencies
from app.storage.prepared import Prepared

_READ = Prepared(
    lambda: text("""
SELECT attname AS name, coalesce(most_common_elem_freqs, '{}') AS shares,
    CASE WHEN attname = 'search'
        THEN CAST(CAST(most_common_elems AS text) AS text[]) END AS words,
    CASE WHEN attname = 'similarity_keys'
        THEN CAST(CAST(most_common_elems AS text) AS int[]) END AS keys,
    CASE WHEN attname IN ('created_at', 'updated_at')
        THEN CAST(CAST(histogram_bounds AS text) AS timestamptz[]) END AS times,
    CASE WHEN attname = 'sort_key'
        THEN CAST(CAST(histogram_bounds AS text) AS text[]) END AS texts,
    (SELECT CAST(greatest(reltuples, 0) AS float8) FROM pg_class
        WHERE oid = CAST('tickets' AS regclass)) AS tickets
FROM pg_stats
WHERE schemaname = current_schema() AND tablename = 'tickets'
    AND attname IN ('search', 'similarity_keys', 'created_at', 'updated_at', 'sort_key')
""")
)

_TERMS = Prepared(lambda: text("SELECT querytree(websearch_to_tsquery('english', :q)) AS terms"))
"""What of a query an index can look for: without what is not wanted."""

_TERM = re.compile(r"'((?:[^']|'')*)'")
_ENOUGH_TIMES = 2.5
"""So many times what a page holds is expected in a window, so that it is seldom too small."""

_LEAST_SHARE = 0.002
"""Of words that are rarer all tickets are looked up: there are few."""


@dataclass(frozen=True)
class TicketStatistics:
    """How many tickets there are, which words and keys are common, how they are spread."""

    tickets: float = 0.0
    keys: KeyFrequencies = field(default_factory=KeyFrequencies)
    words: Mapping[str, float] = field(default_factory=dict)
    """The share of tickets that hold each of the most common words."""
    bounds: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """For columns of orders, values between parts of about as many tickets each, ascending."""

    def share_of(self, terms: str) -> float:
        """Return the share of tickets that is to be expected to hold the terms of a query.

        Args:
            terms: as `StatisticsStore.terms` returns them.
        """
        words = [word.replace("''", "'") for word in _TERM.findall(terms)]
        if not words:
            return 1.0
        shares = sorted(self.words.get(word, self._share_of_rare) for word in words)
        if "|" in _TERM.sub("", terms):
            return shares[-1]
        # Nothing tells how words go together: half way between always and by chance.
        return shares[0] * math.sqrt(math.prod(shares[1:]))

    @property
    def _share_of_rare(self) -> float:
        """The share of a word that is none of the common ones; all where nothing is known."""
        return max(min(self.words.values(), default=3.0) / 3, _LEAST_SHARE)

    def window(self, column: str, after: Any, share: float, rows: int, *, descending: bool) -> Any:
        """Return where a window ends that probably has so many rows; None for the end of all.

        Args:
            column: by which the list is ordered.
            after: where the window begins; None for the beginning of the list.
            share: of the tickets that are wanted.
            rows: how many are wanted.
            descending: the list begins with the newest.
        """
        bounds = self.bounds.get(column, ())
        if len(bounds) < 2 or not self.tickets:
            return None
        parts = math.ceil(rows * _ENOUGH_TIMES / share / (self.tickets / (len(bounds) - 1)))
        if descending:
            begin = len(bounds) if after is None else bisect_left(bounds, after)
            end = begin - 1 - parts
            return bounds[end] if end > 0 else None
        begin = 0 if after is None else bisect_left(bounds, after)
        end = begin + parts
        return bounds[end] if end < len(bounds) - 1 else None


def is_phrase(terms: str) -> bool:
    """Tell whether words of a query have to stand one behind the other."""
    return "<" in _TERM.sub("", terms)


class StatisticsStore:
    """The server's statistics."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def read(self) -> TicketStatistics:
        """Return what is known of tickets, as of the server's last look at them."""
        rows = {row.name: row for row in await _READ.rows(self._connection)}
        tickets = max((row.tickets for row in rows.values()), default=0.0)
        words, keys = rows.get("search"), rows.get("similarity_keys")
        # Behind the shares stand some figures more.
        return TicketStatistics(
            tickets=tickets,
            keys=KeyFrequencies(
                tickets,
                {} if keys is None else dict(zip(keys.keys or (), keys.shares, strict=False)),
            ),
            words={} if words is None else dict(zip(words.words or (), words.shares, strict=False)),
            bounds={
                name: row.times or row.texts for name, row in rows.items() if row.times or row.texts
            },
        )

    async def terms(self, q: str) -> str:
        """Return what of a query the index of words can look for."""
        (row,) = await _TERMS.rows(self._connection, q=q)
        return str(row.terms or "")
