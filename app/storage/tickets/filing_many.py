"""Many new tickets by one statement, each with its parts and its first audit event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Column, Table, TextClause, text
from sqlalchemy.dialects import postgresql

from app.domain.evidence import EvidenceState
from app.domain.tickets import TicketDraft
from app.schema.tickets import checklist_items, ticket_locations, ticket_sections, tickets

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # as the library has it
_PARTS: Mapping[str, Table] = {
    "sections": ticket_sections,
    "locations": ticket_locations,
    "checklist": checklist_items,
}
_BESIDE = {
    "search_title": "text",
    "search_lead": "text",
    "search_body": "text",
    "similarity_keys": "int[]",
    "changes": "jsonb",
    **dict.fromkeys(_PARTS, "json"),
}


@dataclass(frozen=True)
class NewTicket:
    """A ticket to be filed under a key that is known to be free."""

    key: str
    draft: TicketDraft
    state: EvidenceState
    """What is known of it by running something."""


def rows_as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as the statement takes them."""
    return orjson.dumps(list(rows)).decode()


@cache
def adding_many(columns: tuple[str, ...]) -> TextClause:
    """Return the statement that adds tickets with these columns and all that belongs to them.

    Its parameters are ``rows``, ``action``, ``actor`` and ``request``. It returns ids and keys; a
    key that is taken has none.
    """
    own = ", ".join(f'"{name}"' for name in columns)
    given = ", ".join(f'g."{name}"' for name in columns)
    types = ", ".join(
        [*(_typed(tickets.c[name]) for name in columns), *(f"{n} {t}" for n, t in _BESIDE.items())]
    )
    weighted = " || ".join(
        f"setweight(to_tsvector('english', g.search_{name}), '{weight}')"
        for name, weight in (("title", "A"), ("lead", "B"), ("body", "C"))
    )
    parts = ",\n".join(_part(name, table) for name, table in _PARTS.items())
    return text(f"""
WITH given AS (
    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g({types})
), ticket AS (
    INSERT INTO tickets ({own}, search)
    SELECT {given}, {weighted} FROM given g
    ON CONFLICT DO NOTHING
    RETURNING id, key
),
{parts},
added_keys AS (
    INSERT INTO ticket_similarity_keys (key, ticket_id)
    SELECT k, t.id FROM ticket t JOIN given g USING (key) CROSS JOIN unnest(g.similarity_keys) AS k
), added_events AS (
    INSERT INTO audit_events (ticket_id, actor_id, action, changes, request_id)
    SELECT t.id, CAST(:actor AS uuid), CAST(:action AS text), g.changes, CAST(:request AS text)
    FROM ticket t JOIN given g USING (key)
)
SELECT id, key FROM ticket
""")  # noqa: S608  # own names


def _part(name: str, table: Table) -> str:
    columns = [column for column in table.c if column.name != "ticket_id"]
    own = ", ".join(f'"{column.name}"' for column in columns)
    types = ", ".join(map(_typed, columns))
    return f"""added_{name} AS (
    INSERT INTO {table.name} (ticket_id, {own})
    SELECT t.id, p.* FROM ticket t JOIN given g USING (key)
    CROSS JOIN json_to_recordset(g.{name}) AS p({types})
)"""  # noqa: S608  # own names


def _typed(column: Column[Any]) -> str:
    return f'"{column.name}" {column.type.compile(_DIALECT)}'
