"""Filing tickets: a key of its own, and the ticket with all its parts by one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    CTE,
    JSON,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    exists,
    func,
    insert,
    select,
    text,
    true,
)
from sqlalchemy import column as named_column
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import keys
from app.domain.accounts import Account, Actor
from app.domain.evidence import EvidenceState
from app.domain.places import Book
from app.domain.search import other_texts, search_texts
from app.domain.targets import Placement
from app.domain.tickets import Status, Ticket, TicketDraft
from app.errors import AlreadyTaken
from app.schema.audit import audit_events
from app.schema.documents import pending_relations
from app.schema.tickets import (
    checklist_items,
    key_counters,
    ticket_locations,
    ticket_sections,
    ticket_similarity_keys,
    tickets,
)
from app.storage.places import PLACED, looked_up
from app.storage.prepared import Prepared
from app.storage.search import vector
from app.storage.ticket_show import own_columns, specialists_listed, ticket_from
from app.storage.tickets import (
    checklist_rows,
    domain_paths,
    report_values,
    section_rows,
)


@dataclass(frozen=True)
class KeyFacts:
    """A key for a new ticket, and what is known of the ticket before it is there."""

    key: str
    covered: tuple[str, ...]
    """Domains that its target covers."""
    linked: int
    """Tests whose markers name the key."""


@dataclass(frozen=True)
class AddedTicket:
    """A new ticket."""

    id: int
    awaited: bool
    """Documents named its key before it was there."""
    alone: Ticket
    """It, as it is while no relation and no marker of a test speaks of it."""


_MINT = Prepared(
    lambda: text("""
WITH minted AS (
    INSERT INTO key_counters AS counter (batch, code, last)
    SELECT CAST(:batch AS integer), code, 1
    FROM specialists WHERE name = CAST(:agent AS text) AND NOT imported
    ON CONFLICT (batch, code) DO UPDATE SET last = counter.last + 1
    RETURNING code, last
)
SELECT code, last,
    ARRAY(
        SELECT finding FROM tests, unnest(findings) AS finding
        WHERE starts_with(finding, 'B' || CAST(:batch AS integer) || '-' || code || '-')
    ) AS claimed,
    coalesce((SELECT domains FROM targets WHERE name = CAST(:target AS text)), '{}') AS covered
FROM minted
""")
)
"""The next number of a specialist's counter, and the keys of it that the suite's markers claim."""

_KNOWN_OF = Prepared(
    lambda: text("""
SELECT coalesce((SELECT domains FROM targets WHERE name = CAST(:target AS text)), '{}') AS covered,
    (SELECT count(*) FROM tests WHERE findings @> ARRAY[CAST(:key AS text)]) AS linked
""")
)


class FilingStore:
    """New tickets."""

    def __init__(self, connection: AsyncConnection, placement: Placement, book: Book) -> None:
        self._connection = connection
        self._placement = placement
        self._book = book

    async def mint_key(self, batch: int, agent: str, domains: Sequence[str]) -> KeyFacts | None:
        """Return the next key of a specialist in a batch; None when there is no such specialist.

        The counter row is locked until the transaction ends, so that two filings never get the
        same key and a rollback leaves no gap. Keys that the suite's markers claim are skipped.
        """
        row = await _MINT.row(
            self._connection, batch=batch, agent=agent, target=self._placement.of(domains)
        )
        if row is None:
            return None
        number, claimed = row.last, frozenset(row.claimed)
        while keys.mint(batch, row.code, number) in claimed:
            number += 1
        if number != row.last:
            await self._connection.execute(
                key_counters.update()
                .where(key_counters.c.batch == batch, key_counters.c.code == row.code)
                .values(last=number)
            )
        return KeyFacts(keys.mint(batch, row.code, number), tuple(row.covered), linked=0)

    async def note_key(self, key: str) -> None:
        """Move the counter of an explicitly given key on, so that it is never minted again."""
        parts = keys.minted_parts(key)
        if parts is None or parts[0] > 2**31 - 1:
            return
        batch, code, number = parts
        statement = upsert(key_counters).values(batch=batch, code=code, last=number)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[key_counters.c.batch, key_counters.c.code],
                set_={"last": func.greatest(key_counters.c.last, statement.excluded.last)},
            )
        )

    async def known_of(self, key: str, domains: Sequence[str]) -> KeyFacts:
        """Return what is known of a ticket that is to have a given key."""
        target = self._placement.of(domains)
        (row,) = await _KNOWN_OF.rows(self._connection, key=key, target=target)
        return KeyFacts(key, tuple(row.covered), row.linked)

    async def lock_counters(self, wanted: Sequence[tuple[int, str]]) -> None:
        """Lock the counters of several (batch, code) in the order given, until the end."""
        for batch, code in wanted:
            await self._connection.execute(
                upsert(key_counters)
                .values(batch=batch, code=code)
                .on_conflict_do_update(
                    index_elements=[key_counters.c.batch, key_counters.c.code],
                    set_={"last": key_counters.c.last},
                )
            )

    async def add(
        self,
        draft: TicketDraft,
        key: str,
        actor: Actor,
        state: EvidenceState,
        *,
        action: str | None,
        past: Mapping[str, Any] = MappingProxyType({}),
    ) -> AddedTicket:
        """Add a ticket with its parts and its first audit event, without relations.

        Args:
            draft: what it says.
            key: under which it is known.
            actor: who files it.
            state: what is known of it by running something.
            action: of the audit event; with None the caller records it.
            past: columns beyond those of a draft, of a ticket that has a past.

        Raises:
            AlreadyTaken: the key or the author's external reference is in use.
        """
        changes = {"key": [None, key], "title": [None, draft.title]}
        parts = {
            "sections": section_rows(draft.sections),
            "locations": looked_up(self._book, self._placement.of(draft.domains), draft.locations),
            "checklist": checklist_rows(draft.checklist),
        }
        row = await _ADD.row(
            self._connection,
            **_values(draft, key, actor.account, state, past, self._placement.of(draft.domains)),
            new_ticket_sections=_json(parts["sections"]),
            new_ticket_locations=_json(parts["locations"]),
            new_checklist_items=_json(parts["checklist"]),
            audit_action=action,
            audit_changes=_json(changes),
            audit_request=actor.request_id,
        )
        if row is None:
            raise await self._taken(draft, key, actor.account)
        return AddedTicket(row.id, row.awaited, _alone(row, actor.account, parts))

    async def _taken(self, draft: TicketDraft, key: str, author: Account) -> AlreadyTaken:
        query = select(tickets.c.key)
        if await self._connection.scalar(query.where(tickets.c.key == key)):
            return AlreadyTaken(f"There is already a ticket {key}.", extra={"key": key})
        other = await self._connection.scalar(
            query.where(
                tickets.c.created_by == author.id,
                tickets.c.external_ref == draft.external_ref,
            )
        )
        return AlreadyTaken(
            f"You have already filed {draft.external_ref!r} as {other}.",
            extra={"key": other, "external_ref": draft.external_ref},
        )


def _alone(row: Any, author: Account, parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Ticket:
    """Return the ticket that `_ADD` returned, with parts that were added with it."""
    shown = {
        name: [
            {f: v for f, v in part.items() if f != "position" and f not in PLACED}
            | {"id": str(part["id"])}
            for part in listed
        ]
        for name, listed in parts.items()
    }
    empty = ("relations", "reviews", "tests", "patches", "external_results")
    nothing: dict[str, list[Any]] = {name: [] for name in empty}
    return ticket_from(
        SimpleNamespace(
            **row._asdict(),
            **shown,
            **nothing,
            relocated=parts["locations"],
            author=author.name,
            closed_without=None,
        )
    )


def _values(
    draft: TicketDraft,
    key: str,
    author: Account,
    state: EvidenceState,
    past: Mapping[str, Any],
    target: str | None,
) -> dict[str, Any]:
    others = other_texts(draft.checklist, past.get("resolution_text"), past.get("commits", ()))
    texts = search_texts(key, draft.title, draft.summary, draft.locations, draft.sections, others)
    columns = {
        "key": key,
        "sort_key": keys.sort_key(key),
        "title": draft.title,
        "severity": draft.severity.value,
        "severity_raw": draft.severity_raw,
        "status": Status.OPEN.value,
        "resolution": None,
        "batch": draft.batch,
        "agent": draft.agent,
        "summary": draft.summary,
        "domains": list(draft.domains),
        "domain_paths": domain_paths(draft.domains),
        "target": target,
        "categories": [category.value for category in draft.categories],
        "assignee": draft.assignee,
        "reported_on": draft.reported_on,
        "external_ref": draft.external_ref,
        "commits": [],
        "resolution_text": None,
        "reports": _json(report_values(draft.reports)),
        "created_by": author.id,
        "evidence_state": state.value,
        **past,
    }
    return {f"new_{name}": value for name, value in columns.items()} | {
        "search_title": texts.title,
        "search_lead": texts.lead,
        "search_body": texts.body,
        "similarity_keys": list(texts.similarity_keys),
    }


_COLUMNS = [
    "key",
    "sort_key",
    "title",
    "severity",
    "severity_raw",
    "status",
    "resolution",
    "batch",
    "agent",
    "summary",
    "domains",
    "domain_paths",
    "target",
    "categories",
    "assignee",
    "reported_on",
    "external_ref",
    "commits",
    "resolution_text",
    "reports",
    "created_by",
    "evidence_state",
]


def _adding() -> Select[Any]:
    """Return the statement that adds a ticket, its parts and its audit event.

    A key or reference that is taken gives no row, and so no part: cheaper than a savepoint.
    """
    texts = (bindparam(f"search_{name}", type_=Text) for name in ("title", "lead", "body"))
    ticket = (
        upsert(tickets)
        .values(
            {name: bindparam(f"new_{name}", type_=tickets.c[name].type) for name in _COLUMNS}
            | {"search": vector(*texts)}
        )
        .on_conflict_do_nothing()
        .returning(*own_columns())
        .cte("ticket")
    )
    parts = [
        _parts(ticket, table) for table in (ticket_sections, ticket_locations, checklist_items)
    ]
    specialists = specialists_listed().label("specialists")
    return select(ticket, specialists, _awaited()).add_cte(*parts, _keys(ticket), _event(ticket))


def _awaited() -> Any:
    key = bindparam("new_key", type_=Text)
    return exists().where(pending_relations.c.key == key).label("awaited")


def _parts(ticket: CTE, table: Table) -> CTE:
    names = [column.name for column in table.c if column.name != "ticket_id"]
    given = (
        func.json_to_recordset(cast(bindparam(f"new_{table.name}", type_=Text), JSON))
        .table_valued(*(named_column(name, table.c[name].type) for name in names))
        .render_derived(name="given", with_types=True)
    )
    rows = select(ticket.c.id, *(given.c[name] for name in names)).join_from(ticket, given, true())
    return insert(table).from_select(["ticket_id", *names], rows).cte(f"added_{table.name}")


def _keys(ticket: CTE) -> CTE:
    given = func.unnest(bindparam("similarity_keys", type_=ARRAY(Integer))).column_valued(
        "given_key"
    )
    rows = select(given, ticket.c.id)
    return insert(ticket_similarity_keys).from_select(["key", "ticket_id"], rows).cte("keys")


def _event(ticket: CTE) -> CTE:
    table = audit_events.c
    action = bindparam("audit_action", type_=Text)
    row = select(
        ticket.c.id,
        bindparam("new_created_by", type_=table.actor_id.type),
        action,
        bindparam("audit_changes", type_=table.changes.type),
        bindparam("audit_request", type_=Text),
    ).where(action.is_not(None))
    columns = ["ticket_id", "actor_id", "action", "changes", "request_id"]
    return insert(audit_events).from_select(columns, row).cte("event")


_ADD = Prepared(_adding)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
