"""Finding candidates for likeness, with work that is bounded however many tickets there are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.similarity import (
    COMPARED_CHARACTERS,
    Candidate,
    Lexeme,
    bare_symbol,
    features,
)
from app.domain.tickets import Location
from app.storage.prepared import Prepared

_MAX_PLACES = 20

_LEXEMES = Prepared(
    lambda: text("""
WITH words AS (
    SELECT lexeme, bool_or(in_title) AS in_title
    FROM (
        SELECT lexeme, true AS in_title
        FROM unnest(to_tsvector('english', CAST(:title AS text)))
        UNION ALL
        SELECT lexeme, false FROM unnest(to_tsvector('english', CAST(:summary AS text)))
    ) AS both_texts
    GROUP BY lexeme
), common AS (
    SELECT common_word AS lexeme, frequency
    FROM pg_stats,
        unnest(CAST(CAST(most_common_elems AS text) AS text[]), most_common_elem_freqs)
            AS common_words (common_word, frequency)
    WHERE schemaname = current_schema() AND tablename = 'tickets' AND attname = 'search'
)
SELECT lexeme, frequency, in_title,
    (SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = CAST('tickets' AS regclass)) AS tickets
FROM words LEFT JOIN common USING (lexeme)
""")
)
"""The words of a text and how frequent the server's statistics say they are."""

_CANDIDATES = Prepared(
    lambda: text("""
WITH places AS (
    SELECT path, first_line, last_line
    FROM unnest(CAST(:paths AS text[]), CAST(:firsts AS int[]), CAST(:lasts AS int[]))
        AS place (path, first_line, last_line)
), by_lines AS (
    SELECT found.ticket_id
    FROM places CROSS JOIN LATERAL (
        SELECT l.ticket_id
        FROM ticket_locations l
        WHERE left(l.path, 600) = left(places.path, 600) AND l.path = places.path
            AND l.start_line BETWEEN places.first_line - 300 AND places.last_line + 20
        ORDER BY left(l.path, 600) DESC, l.start_line DESC
        LIMIT 30
    ) AS found
), by_file AS (
    SELECT found.ticket_id
    FROM places CROSS JOIN LATERAL (
        SELECT l.ticket_id
        FROM ticket_locations l
        WHERE left(l.path, 600) = left(places.path, 600) AND l.path = places.path
            AND l.start_line IS NULL
        LIMIT 20
    ) AS found
    UNION ALL
    SELECT found.ticket_id
    FROM places CROSS JOIN LATERAL (
        SELECT l.ticket_id
        FROM ticket_locations l
        WHERE left(l.path, 600) = left(places.path, 600) AND l.path = places.path
        ORDER BY left(l.path, 600) DESC, l.start_line DESC
        LIMIT 20
    ) AS found
    WHERE places.first_line IS NULL
), by_symbol AS (
    SELECT found.ticket_id
    FROM unnest(CAST(:symbols AS text[])) AS wanted (symbol) CROSS JOIN LATERAL (
        SELECT l.ticket_id
        FROM ticket_locations l
        WHERE l.symbol = wanted.symbol
        ORDER BY l.ticket_id DESC
        LIMIT 20
    ) AS found
), by_words AS MATERIALIZED (
    SELECT id FROM tickets WHERE search @@ CAST(:words AS tsquery)
), chosen AS (
    SELECT ticket_id AS id FROM by_lines
    UNION SELECT ticket_id FROM by_file
    UNION SELECT ticket_id FROM by_symbol
    UNION (SELECT id FROM by_words LIMIT 40)
)
SELECT t.key, t.title, t.status,
    left(t.summary, CAST(:characters AS integer)) AS summary,
    coalesce((
        SELECT json_agg(json_build_object(
            'path', l.path, 'start_line', l.start_line, 'end_line', l.end_line, 'symbol', l.symbol
        ))
        FROM ticket_locations l WHERE l.ticket_id = t.id
    ), '[]') AS locations
FROM (SELECT id FROM chosen LIMIT 80) AS bounded JOIN tickets t USING (id)
WHERE t.key <> CAST(:own_key AS text)
""")
)


class SimilarStore:
    """Tickets that may be alike."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lexemes(self, title: str, summary: str) -> tuple[list[Lexeme], float]:
        """Return the words of a finding as the index holds them, and how many tickets there are."""
        rows = await _LEXEMES.rows(self._connection, title=title, summary=summary)
        found = [Lexeme(row.lexeme, row.frequency, row.in_title) for row in rows]
        return found, float(rows[0].tickets) if rows else 0.0

    async def candidates(
        self, locations: Sequence[Location], words: Sequence[str], *, own_key: str
    ) -> list[Candidate]:
        """Return tickets at the same lines, of the same symbols, or with two of `words`."""
        places = [place for place in locations if place.path][:_MAX_PLACES]
        symbols = [bare_symbol(place.symbol) for place in locations if place.symbol][:_MAX_PLACES]
        rows = await _CANDIDATES.rows(
            self._connection,
            paths=[place.path for place in places],
            firsts=[place.start_line for place in places],
            lasts=[place.end_line or place.start_line for place in places],
            symbols=sorted({form for s in symbols for form in (s, f"{s}()")}),
            words=_two_of(words),
            own_key=own_key,
            characters=COMPARED_CHARACTERS,
        )
        return [
            Candidate(
                row.key,
                row.title,
                row.status,
                features(row.title, row.summary, [Location(**item) for item in row.locations]),
            )
            for row in rows
        ]


def _two_of(words: Sequence[str]) -> str:
    """Return the query for documents that hold two of `words`."""
    quoted = [_quoted(word) for word in words]
    if len(quoted) < 2:
        return " ".join(quoted)
    return " | ".join(f"{one} & {other}" for one, other in combinations(quoted, 2))


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
