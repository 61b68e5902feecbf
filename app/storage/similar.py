"""Finding candidates for likeness, with work that is bounded however many tickets there are."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from app.domain.similarity import (
    COMPARED_CHARACTERS,
    Candidate,
    bare_symbol,
    features,
)
from app.domain.tickets import Location
from app.storage.prepared import Prepared, as_array
from app.storage.store import Store

_MAX_PLACES = 20

# A value inside SELECT is hidden from the planner: where it sees arrays it plans anew each time.
_CANDIDATES = Prepared(
    lambda: text("""
WITH places AS (
    SELECT path, first_line, last_line
    FROM unnest(
        (SELECT CAST(:paths AS text[])),
        (SELECT CAST(:firsts AS int[])),
        (SELECT CAST(:lasts AS int[]))
    ) AS place (path, first_line, last_line)
), by_lines AS (
    SELECT found.ticket_id
    FROM places CROSS JOIN LATERAL (
        SELECT l.ticket_id
        FROM ticket_locations l
        WHERE left(l.path, 600) = left(places.path, 600) AND l.path = places.path
            AND l.start_line BETWEEN places.first_line - 300 AND places.last_line + 20
        ORDER BY left(l.path, 600) DESC, l.start_line DESC
        LIMIT 10
    ) AS found
), by_file AS (
    SELECT found.ticket_id
    FROM places CROSS JOIN LATERAL (
        SELECT l.ticket_id
        FROM ticket_locations l
        WHERE left(l.path, 600) = left(places.path, 600) AND l.path = places.path
            AND l.start_line IS NULL
        LIMIT 10
    ) AS found
    UNION ALL
    SELECT found.ticket_id
    FROM places CROSS JOIN LATERAL (
        SELECT l.ticket_id
        FROM ticket_locations l
        WHERE left(l.path, 600) = left(places.path, 600) AND l.path = places.path
        ORDER BY left(l.path, 600) DESC, l.start_line DESC
        LIMIT 10
    ) AS found
    WHERE places.first_line IS NULL
), by_symbol AS (
    SELECT found.ticket_id
    FROM unnest((SELECT CAST(:symbols AS text[]))) AS wanted (symbol) CROSS JOIN LATERAL (
        SELECT l.ticket_id
        FROM ticket_locations l
        WHERE l.symbol = wanted.symbol
        ORDER BY l.ticket_id DESC
        LIMIT 10
    ) AS found
), by_keys AS (
    SELECT found.ticket_id AS id
    FROM unnest((SELECT CAST(:keys AS int[]))) AS wanted (key) CROSS JOIN LATERAL (
        SELECT k.ticket_id
        FROM ticket_similarity_keys k
        WHERE k.key = wanted.key
        ORDER BY k.ticket_id DESC
        LIMIT 20
    ) AS found
    GROUP BY found.ticket_id
    ORDER BY count(*) DESC, found.ticket_id DESC
    LIMIT 12
), chosen AS (
    SELECT ticket_id AS id FROM by_lines
    UNION SELECT ticket_id FROM by_file
    UNION SELECT ticket_id FROM by_symbol
    UNION SELECT id FROM by_keys
)
SELECT t.key, t.title, t.status,
    left(t.summary, CAST(:characters AS integer)) AS summary,
    coalesce((
        SELECT json_agg(json_build_object(
            'path', l.path, 'start_line', l.start_line, 'end_line', l.end_line, 'symbol', l.symbol
        ))
        FROM ticket_locations l
        WHERE l.ticket_id = t.id AND (
            l.path = ANY ((SELECT CAST(:paths AS text[]))::text[])
            OR l.symbol = ANY ((SELECT CAST(:symbols AS text[]))::text[])
        )
    ), '[]') AS locations
FROM (SELECT id FROM chosen LIMIT 32) AS bounded JOIN tickets t USING (id)
WHERE t.key <> CAST(:own_key AS text)
""")
)


class SimilarStore(Store):
    """Tickets that may be alike."""

    async def candidates(
        self, locations: Sequence[Location], keys: Sequence[int], *, own_key: str
    ) -> list[Candidate]:
        """Return tickets at the same lines, of the same symbols, or that share most of `keys`."""
        places = [place for place in locations if place.path][:_MAX_PLACES]
        symbols = [bare_symbol(place.symbol) for place in locations if place.symbol][:_MAX_PLACES]
        rows = await _CANDIDATES.rows(
            self._connection,
            paths=[place.path for place in places],
            firsts=[place.start_line for place in places],
            lasts=[place.end_line or place.start_line for place in places],
            symbols=sorted({form for s in symbols for form in (s, f"{s}()")}),
            keys=as_array(keys),
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
