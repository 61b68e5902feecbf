"""The statements that add a ticket: its row, its parts, keys of likeness, first audit event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    JSON,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal_column,
    null,
    select,
    text,
    true,
)
from sqlalchemy import column as named_column
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain import keys
from app.domain.accounts import Account, Actor
from app.domain.document import OWN_ROW, PLAIN
from app.domain.evidence import EvidenceState
from app.domain.places import Book
from app.domain.search import other_texts, search_texts
from app.domain.strength import StrengthGate
from app.domain.tickets import Status, Ticket, TicketDraft
from app.schema.audit import audit_events
from app.schema.documents import pending_relations
from app.schema.tickets import (
    checklist_items,
    ticket_locations,
    ticket_sections,
    ticket_similarity_keys,
    tickets,
)
from app.storage.places import looked_up
from app.storage.prepared import Prepared, as_array, as_json, new_values
from app.storage.search import vector
from app.storage.tickets.show import own_columns, specialists_listed, ticket_from
from app.storage.tickets.tickets import (
    checklist_rows,
    domain_paths,
    report_values,
    section_rows,
)


def alone(
    row: Any,
    author: Account,
    parts: Mapping[str, Sequence[Mapping[str, Any]]],
    gate: StrengthGate,
) -> Ticket:
    """Return the ticket that `ADD` returned, with parts that were added with it."""
    shown = {
        name: [
            {f: v for f, v in part.items() if f != "position"} | {"id": str(part["id"])}
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
            author=author.name,
            closed_without=None,
            strength=None,
            swept=None,
        ),
        gate,
    )


def parts_of(draft: TicketDraft, book: Book, target: str | None) -> dict[str, list[dict[str, Any]]]:
    """Return the parts of a draft, each with an id of its own, by what they are shown as."""
    return {
        "sections": section_rows(draft.sections),
        "locations": looked_up(book, target, draft.locations),
        "checklist": checklist_rows(draft.checklist),
    }


def parameters(
    draft: TicketDraft,
    parts: Mapping[str, Sequence[Mapping[str, Any]]],
    actor: Actor,
    target: str | None,
    *,
    key: str | None,
    state: EvidenceState | None,
    action: str | None,
    past: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the parameters of `ADD` and, without a key and a state, of `ADD_MINTED`."""
    given = _values(draft, key, actor.account, state, past, target)
    if key is None:
        for name in ("key", "sort_key", "evidence_state"):
            del given[f"new_{name}"]
    else:
        changes = {"key": [None, key], "title": [None, draft.title]}
        given["audit_changes"] = as_json(changes)
    return given | {
        "new_ticket_sections": as_json(parts["sections"]),
        "new_ticket_locations": as_json(parts["locations"]),
        "new_checklist_items": as_json(parts["checklist"]),
        "similarity_keys": as_array(given["similarity_keys"]),
        "audit_action": action,
        "audit_request": actor.request_id,
    }


def values_of(
    draft: TicketDraft, key: str, author: Account, state: EvidenceState, target: str | None
) -> dict[str, Any]:
    """Return a new ticket as a row of JSON: its columns, and what it is found by."""
    given = _values(draft, key, author, state, {}, target)
    found = {name.removeprefix("new_"): value for name, value in given.items()}
    return found | {"reports": report_values(draft.reports)}


def _values(
    draft: TicketDraft,
    key: str | None,
    author: Account,
    state: EvidenceState | None,
    past: Mapping[str, Any],
    target: str | None,
) -> dict[str, Any]:
    others = other_texts(draft.checklist, past.get("resolution_text"), past.get("commits", ()))
    named = key or ""  # what is minted is put before the words of the title
    texts = search_texts(named, draft.title, draft.summary, draft.locations, draft.sections, others)
    columns = {
        "key": key,
        "sort_key": keys.sort_key(named),
        "severity": draft.severity.value,
        "severity_raw": draft.severity_raw,
        "status": Status.OPEN.value,
        "resolution": None,
        "domains": list(draft.domains),
        "domain_paths": domain_paths(draft.domains),
        "target": target,
        "categories": [category.value for category in draft.categories],
        **{name: getattr(draft, name, None) for name in PLAIN},
        "commits": [],
        "reports": as_json(report_values(draft.reports)),
        "created_by": author.id,
        "evidence_state": None if state is None else state.value,
        **past,
    }
    return {f"new_{name}": value for name, value in columns.items()} | {
        "search_title": texts.title,
        "search_lead": texts.lead,
        "search_body": texts.body,
        "similarity_keys": list(texts.similarity_keys),
    }


COLUMNS = [
    "key",
    "sort_key",
    "status",
    "resolution",
    "severity_raw",
    "domain_paths",
    "target",
    "created_by",
    "evidence_state",
    *OWN_ROW,
]
"""Of a ticket those that are given when it is added."""


def _adding() -> Select[Any]:
    """Return the statement that adds a ticket, its parts and its audit event.

    A key or reference that is taken gives no row, and so no part: cheaper than a savepoint.
    """
    ticket = (
        upsert(tickets)
        .values(new_values(tickets, *COLUMNS) | {"search": vector(*_texts())})
        .on_conflict_do_nothing()
        .returning(*own_columns())
        .cte("ticket")
    )
    key = bindparam("new_key", type_=Text)
    awaited = exists().where(pending_relations.c.key == key)
    changes = bindparam("audit_changes", type_=audit_events.c.changes.type)
    return _with_parts(ticket, awaited, changes)


_COUNTED = """
INSERT INTO key_counters AS counter (batch, code, last)
SELECT CAST(:new_batch AS integer), code, 1
FROM (
    SELECT code, 'B' || CAST(:new_batch AS integer) || '-' || code || '-' AS stem
    FROM specialists
    WHERE name = CAST(:new_agent AS text) AND NOT imported AND code !~ '[0-9]'
) AS agent
WHERE NOT EXISTS (
    SELECT FROM tests, unnest(findings) AS finding WHERE starts_with(finding, agent.stem)
) AND NOT EXISTS (SELECT FROM pending_relations WHERE starts_with(key, agent.stem))
ON CONFLICT (batch, code) DO UPDATE SET last = counter.last + 1
RETURNING batch, code, last
"""
"""The next number of a specialist's counter; none where somebody spoke of such keys before."""

_MINTED = """
SELECT 'B' || batch || '-' || code || '-' || digits AS key,
    'B' || lpad(CAST(length(CAST(batch AS text)) AS text), 2, '0') || batch || '-' || code || '-'
        || lpad(CAST(length(CAST(last AS text)) AS text), 2, '0') || last
        || ' B' || batch || '-' || code || '-' || digits AS sort_key,
    'b' || batch || ' ' || lower(code) || ' ' || digits || ' ' AS words,
    CASE WHEN EXISTS (
        SELECT FROM targets WHERE name = CAST(:new_target AS text) AND domains <> '{}' AND (
            CAST(:new_domains AS text[]) = '{}' OR '*' = ANY (domains)
            OR domains && CAST(:new_domain_paths AS text[])
        )
    ) THEN 'none' ELSE 'not-covered' END AS evidence_state
FROM (
    SELECT batch, code, last,
        lpad(CAST(last AS text), greatest(2, length(CAST(last AS text))), '0') AS digits
    FROM counted
) AS numbered
"""
"""What `app.domain.keys`, `app.domain.search`, and `app.domain.targets` say of a key."""


def _adding_minted() -> Select[Any]:
    """Return the statement that adds a ticket under the next key of its batch and agent.

    One statement is a transaction by itself, and the counter is locked no longer than it takes.
    """
    counted = text(_COUNTED).columns(*map(named_column, ("batch", "code", "last"))).cte("counted")
    names = ("key", "sort_key", "words", "evidence_state")
    minted = text(_MINTED).columns(*map(named_column, names)).cte("minted")
    title, lead, body = _texts()
    given: dict[str, Any] = {}
    given |= new_values(tickets, *(name for name in COLUMNS if name not in minted.c))
    given |= {name: minted.c[name] for name in COLUMNS if name in minted.c}
    given["search"] = vector(minted.c.words.concat(title), lead, body)
    ticket = (
        upsert(tickets)
        .from_select(list(given), select(*given.values()).select_from(minted))
        .on_conflict_do_nothing()
        .returning(*own_columns())
        .cte("ticket")
    )
    pairs: list[tuple[Any, Any]] = [
        (literal_column(f"'{name}'"), func.jsonb_build_array(null(), ticket.c[name]))
        for name in ("key", "title")
    ]
    changes = func.jsonb_build_object(*(part for pair in pairs for part in pair))
    return _with_parts(ticket, literal_column("false"), changes, first=[counted])


def _with_parts(
    ticket: CTE, awaited: ColumnElement[bool], changes: Any, first: Sequence[CTE] = ()
) -> Select[Any]:
    parts = [
        _parts(ticket, table) for table in (ticket_sections, ticket_locations, checklist_items)
    ]
    specialists = specialists_listed().label("specialists")
    found = select(ticket, specialists, awaited.label("awaited"))
    return found.add_cte(*first, *parts, _keys(ticket), _event(ticket, changes))


def _texts() -> list[Any]:
    return [bindparam(f"search_{name}", type_=Text) for name in ("title", "lead", "body")]


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


def _event(ticket: CTE, changes: Any) -> CTE:
    table = audit_events.c
    action = bindparam("audit_action", type_=Text)
    row = select(
        ticket.c.id,
        bindparam("new_created_by", type_=table.actor_id.type),
        action,
        changes,
        bindparam("audit_request", type_=Text),
    ).where(action.is_not(None))
    columns = ["ticket_id", "actor_id", "action", "changes", "request_id"]
    return insert(audit_events).from_select(columns, row).cte("event")


ADD = Prepared(_adding)
"""Adds a ticket under a given key; no row: the key or the external reference is taken."""

ADD_MINTED = Prepared(_adding_minted)
"""Adds a ticket under the next key; no row: it is none of those that one statement can add."""
