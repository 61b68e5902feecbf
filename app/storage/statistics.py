"""What the server's statistics say of tickets: a way is chosen by them, and nothing is decided.

The server renews them by itself (autovacuum); on a new database there are none.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from app.domain.search import search_query
from app.storage.prepared import Prepared
from app.storage.store import Store

_READ = Prepared(
    lambda: text("""
SELECT attname AS name, coalesce(most_common_elem_freqs, '{}') AS shares,
    CASE WHEN attname = 'search'
        THEN CAST(CAST(most_common_elems AS text) AS text[]) END AS words,
    CASE WHEN attname IN ('created_at', 'updated_at')
        THEN CAST(CAST(histogram_bounds AS text) AS timestamptz[]) END AS times,
    CASE WHEN attname = 'sort_key'
        THEN CAST(CAST(histogram_bounds AS text) AS text[]) END AS texts,
    (SELECT CAST(greatest(reltuples, 0) AS float8) FROM pg_class
        WHERE oid = CAST('tickets' AS regclass)) AS tickets
FROM pg_stats
WHERE schemaname = current_schema() AND tablename = 'tickets'
    AND attname IN ('search', 'created_at', 'updated_at', 'sort_key')
""")
)

STEP = 2000
_NEWEST_ROWS = 24_000


def _newest_of(column: str) -> Prepared:
    return Prepared(
        lambda: text(f"""
SELECT {column} AS value
FROM (
    SELECT {column}, row_number() OVER (ORDER BY {column} DESC) AS number
    FROM tickets ORDER BY {column} DESC LIMIT {_NEWEST_ROWS}
) AS newest
WHERE number % {STEP} = 0
ORDER BY number
""")  # noqa: S608  # own names and numbers
    )


_NEWEST = {column: _newest_of(column) for column in ("created_at", "updated_at")}
"""What the statistics do not know yet; the end at which lists begin."""

_TERMS = Prepared(lambda: text("SELECT querytree(websearch_to_tsquery('english', :q)) AS terms"))
"""What of a query an index can look for: without what is not wanted."""

_TERM = re.compile(r"'((?:[^']|'')*)'")
_ENOUGH_TIMES = 1.5
"""So many times what a page holds is expected in a window, so that it is seldom too small."""

_LEAST_SHARE = 0.002
"""What is supposed at least of a word that is none of the common ones."""

_LEAST_SHARE_OF_MANY = 1e-9
"""What is supposed at least of many words together."""


@dataclass(frozen=True)
class Spread:
    """How the values of a column are spread over the tickets."""

    values: Sequence[Any]
    """Some of them, ascending."""
    ranks: Sequence[float]
    """About how many tickets lie below each."""
    tickets: float
    """About how many there are."""

    @classmethod
    def of(cls, bounds: Sequence[Any], tickets: float, newest: Sequence[Any] = ()) -> Spread:
        """Return what bounds between equal parts say, and the newest values.

        Args:
            bounds: ascending.
            tickets: how many there were when the parts were made.
            newest: values at each `STEP` tickets from the last one, descending. They count where
                both speak: much may have come in since the parts were made.
        """
        part = tickets / max(1, len(bounds) - 1)
        end = bisect_left(bounds, newest[-1]) if newest else len(bounds)
        values, ranks = [*bounds[:end]], [n * part for n in range(end)]
        known = ranks[-1] if ranks else 0.0
        for value in reversed(newest):
            values.append(value)
            ranks.append(known)
            known += STEP
        return cls(values, ranks, known)

    def window(self, after: Any, tickets: float, *, descending: bool) -> Any:
        """Return where a window of at least so many tickets ends; None for the end of all.

        Args:
            after: where it begins; None for the first end.
            tickets: how many it is to hold.
            descending: it goes from the greatest value down.
        """
        begin = bisect_left(self.values, after) if after is not None else None
        if descending:
            below = [0.0, *self.ranks]
            highest = self.tickets if begin is None else below[begin]
            end = bisect_right(self.ranks, highest - tickets) - 1
            return self.values[end] if end > 0 else None
        if begin == len(self.values):
            return None
        end = bisect_left(self.ranks, (self.ranks[begin] if begin else 0.0) + tickets)
        return self.values[end] if end < len(self.values) - 1 else None


@dataclass(frozen=True)
class TicketStatistics:
    """How many tickets there are, which words are common, how they are spread."""

    tickets: float = 0.0
    words: Mapping[str, float] = field(default_factory=dict)
    """The share of tickets that hold each of the most common words."""
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    """Of columns that lists are ordered by."""

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
        # Nothing tells how words go together: half way between always and by chance. Of hundreds
        # of words that would be nothing at all.
        return max(shares[0] * math.sqrt(math.prod(shares[1:])), _LEAST_SHARE_OF_MANY)

    def telling(self, terms: str, frequent: float) -> str | None:
        """Return a query for those words of another one that less than `frequent` tickets hold.

        To ask an index for a word that half of all tickets hold costs more than to look at those
        which hold the others. None where that changes nothing, or one word may stand for another.
        """
        if "|" in _TERM.sub("", terms):
            return None
        words = [match[0] for match in _TERM.finditer(terms)]
        rare = [word for word in words if self.share_of(word) < frequent]
        return " & ".join(rare) if 0 < len(rare) < len(words) else None

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
        spread = self.spreads.get(column)
        if spread is None:
            return None
        return spread.window(after, rows * _ENOUGH_TIMES / share, descending=descending)


def is_phrase(terms: str) -> bool:
    """Tell whether words of a query have to stand one behind the other."""
    return "<" in _TERM.sub("", terms)


class StatisticsStore(Store):
    """The server's statistics."""

    async def read(self) -> TicketStatistics:
        """Return what is known of tickets, as of the server's last look at them."""
        rows = {row.name: row for row in await _READ.rows(self._connection)}
        tickets = max((row.tickets for row in rows.values()), default=0.0)
        words = rows.get("search")
        spreads = {}
        for name, row in rows.items():
            if bounds := row.times or row.texts:
                newest = await self._newest(name) if name in _NEWEST else ()
                spreads[name] = Spread.of(bounds, tickets, newest)
        # Behind the shares stand some figures more.
        return TicketStatistics(
            tickets=tickets,
            words={} if words is None else dict(zip(words.words or (), words.shares, strict=False)),
            spreads=spreads,
        )

    async def _newest(self, column: str) -> list[Any]:
        """Return the values of a column of times at each `STEP` tickets from the newest."""
        return [row.value for row in await _NEWEST[column].rows(self._connection)]

    async def terms(self, q: str) -> str:
        """Return what of a query the index of words can look for."""
        (row,) = await _TERMS.rows(self._connection, q=search_query(q))
        return str(row.terms or "")
