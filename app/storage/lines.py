"""What lines of an export hold, and the statements that make them of rows and rows of them.

A line is made by PostgreSQL from rows, and rows from a line again, so that every value comes back
as it was. Beside its own row a line holds the rows that belong to it: a ticket its sections,
reviews and links, a run its arms and events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Table,
    Text,
    TextClause,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.schema.accounts import account_specialists, accounts, specialists
from app.schema.audit import audit_events
from app.schema.bisection import bisection_steps, bisections
from app.schema.documents import pending_relations, ticket_documents
from app.schema.external import external_results
from app.schema.reviews import reviews
from app.schema.runs import run_arms, run_events, runs, test_tallies
from app.schema.scanning import scanner_results
from app.schema.strength import mutant_verdicts, run_mutants, ticket_strength
from app.schema.sweeps import sweep_items, sweeps
from app.schema.tickets import (
    checklist_items,
    key_counters,
    notes,
    ticket_locations,
    ticket_relations,
    ticket_sections,
    tickets,
)
from app.schema.verification import (
    submitted_tests,
    target_revisions,
    targets,
    test_links,
    tests,
    texts,
    ticket_patches,
)

_NO_CLASH = "ON CONFLICT DO NOTHING"
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # as the library has it


@dataclass(frozen=True)
class Part:
    """Rows that belong to the row of a line."""

    name: str
    table: Table
    owner: str
    """The column that says whose they are."""
    order: tuple[str, ...]
    on_conflict: str = ""


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of line: a table, and the parts of its rows."""

    name: str
    table: Table
    order: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    left_out: frozenset[str] = frozenset()
    """Columns that are made anew."""
    shifted: Mapping[str, str] = field(default_factory=dict)
    """Columns with numbers that an import moves on, and by which shift."""
    on_conflict: str = ""


def _ticket_part(name: str, table: Table, *order: str) -> Part:
    return Part(name, table, "ticket_id", order)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("specialist", specialists, ("position",), on_conflict=_NO_CLASH),
        Kind(
            "account",
            accounts,
            ("created_at", "id"),
            (Part("speaks_for", account_specialists, "account_id", ("specialist",), _NO_CLASH),),
        ),
        Kind(
            "target",
            targets,
            ("name",),
            (
                Part(
                    "tests",
                    tests,
                    "target",
                    ("position",),
                    "ON CONFLICT (target, node_id) DO UPDATE SET"
                    " last_outcome = coalesce(tests.last_outcome, excluded.last_outcome),"
                    " flakes = greatest(tests.flakes, excluded.flakes),"
                    " last_flake_at = greatest(tests.last_flake_at, excluded.last_flake_at)",
                ),
                Part("revisions", target_revisions, "target", ("number",), _NO_CLASH),
                Part(
                    "tallies",
                    test_tallies,
                    "target",
                    ("node_id", "package_digest", "test_digest", "environment"),
                    _NO_CLASH,
                ),
            ),
            on_conflict=_NO_CLASH,
        ),
        Kind("text", texts, ("digest",), on_conflict=_NO_CLASH),
        Kind(
            "ticket",
            tickets,
            ("id",),
            (
                _ticket_part("sections", ticket_sections, "position", "id"),
                _ticket_part("locations", ticket_locations, "position", "id"),
                _ticket_part("checklist", checklist_items, "position", "id"),
                _ticket_part("notes", notes, "created_at", "id"),
                _ticket_part("reviews", reviews, "created_at", "id"),
                _ticket_part("tests", test_links, "id"),
                _ticket_part("patches", ticket_patches, "name"),
                _ticket_part("submitted_tests", submitted_tests, "id"),
                _ticket_part("documents", ticket_documents, "source_path"),
                _ticket_part("pending_relations", pending_relations, "key", "kind"),
                _ticket_part("scanner_results", scanner_results, "scanner"),
                _ticket_part("external_results", external_results, "reported_at", "id"),
                _ticket_part("strength", ticket_strength, "run_id"),
            ),
            left_out=frozenset({"search"}),
            shifted={"id": "ticket_shift"},
        ),
        Kind(
            "relation",
            ticket_relations,
            ("ticket_id", "other_id", "kind"),
            shifted={"ticket_id": "ticket_shift", "other_id": "ticket_shift"},
        ),
        Kind(
            "run",
            runs,
            ("queued_at", "id"),
            (
                Part("arms", run_arms, "run_id", ("position",)),
                Part("events", run_events, "run_id", ("attempt", "seq")),
                Part("mutants", run_mutants, "run_id", ("position",)),
                Part("bisection", bisections, "run_id", ("run_id",)),
                Part("bisection_steps", bisection_steps, "run_id", ("position",)),
            ),
            shifted={"ticket_id": "ticket_shift"},
        ),
        Kind("sweep", sweeps, ("queued_at", "id")),
        Kind(
            "sweep_item",
            sweep_items,
            ("sweep_id", "seq"),
            shifted={"ticket_id": "ticket_shift"},
        ),
        Kind("mutant_verdict", mutant_verdicts, ("at", "digest"), on_conflict=_NO_CLASH),
        Kind(
            "counter",
            key_counters,
            ("batch", "code"),
            on_conflict="ON CONFLICT (batch, code) DO UPDATE SET"
            " last = greatest(key_counters.last, excluded.last)",
        ),
        Kind(
            "audit",
            audit_events,
            ("xid", "id"),
            left_out=frozenset({"xid"}),
            shifted={"id": "audit_shift", "ticket_id": "ticket_shift"},
        ),
    )
}
"""In an order in which each line needs only those before it."""

LEFT_OUT = MappingProxyType(
    {
        "tokens": "secrets",
        "login_codes": "secrets",
        "sessions": "secrets",
        "service_secrets": "secrets",
        "kept_answers": "answers of a day",
        "review_leases": "of minutes",
        "work_orders": "wanted here; what came of them is with the tickets",
        "removed_parts": "of minutes",
        "views": "of the accounts of this installation",
        "workers": "of this installation",
        "counters": "of this installation",
        "installations": "in the first line",
        "suite_results": "found anew by the next proof",
        "revision_looks": "found anew by the next bisection",
        "mutant_results": "found anew by the next run that measures strength",
        "ticket_similarity_keys": "made anew from the tickets' texts",
    }
)
"""Tables that are in no export, and why."""


def _whole_row(table: Table, *left_out: str) -> ColumnElement[Any]:
    row: ColumnElement[Any] = func.to_jsonb(literal_column(table.name))
    for name in left_out:
        row = row.op("-")(literal_column(f"'{name}'"))
    return row


def lines_of(kind: Kind) -> Select[Any]:
    """Return the statement that makes lines of a kind, for a condition and an order to follow."""
    pairs: list[Any] = [literal_column("'kind'"), literal_column(f"'{kind.name}'")]
    pairs += [literal_column(f"'{kind.name}'"), _whole_row(kind.table, *sorted(kind.left_out))]
    for part in kind.parts:
        order = (part.table.c[name] for name in part.order)
        rows = func.json_agg(aggregate_order_by(_whole_row(part.table, part.owner), *order))
        gathered = (
            select(func.coalesce(rows, literal_column("'[]'::json")))
            .select_from(part.table)
            .where(part.table.c[part.owner] == _key_of(kind))
            .correlate(kind.table)
            .scalar_subquery()
        )
        pairs += [literal_column(f"'{part.name}'"), gathered]
    return select(cast(func.json_build_object(*pairs), Text)).select_from(kind.table)


def _key_of(kind: Kind) -> ColumnElement[Any]:
    (key,) = kind.table.primary_key.columns
    return key


@cache
def inserts(kind: Kind) -> tuple[str, ...]:
    """Return the statements that add the rows of lines, owners first."""
    own = _insert(kind.table, kind.name, "record", kind.shifted, kind, on_conflict=kind.on_conflict)
    return (own, *(_insert_part(kind, part) for part in kind.parts))


def _insert_part(kind: Kind, part: Part) -> str:
    key = _key_of(kind)
    owner = f"(l->'{kind.name}'->>'{key.name}')::{key.type.compile(_DIALECT)}"
    shift = kind.shifted.get(key.name)
    if shift:
        owner += f" + CAST(:{shift} AS bigint)"
    return _insert(
        part.table, part.name, "recordset", {}, None, {part.owner: owner}, part.on_conflict
    )


def _insert(
    table: Table,
    field: str,
    shape: str,
    shifted: Mapping[str, str],
    kind: Kind | None,
    given: Mapping[str, str] = MappingProxyType({}),
    on_conflict: str = "",
) -> str:
    left_out = kind.left_out if kind else frozenset()
    columns = [column for column in table.columns if column.name not in left_out]
    names = [column.name for column in columns]
    values = []
    for name, column in zip(names, columns, strict=True):
        value = given.get(name, _value(column))
        if name in shifted:
            value += f" + CAST(:{shifted[name]} AS bigint)"
        values.append(value)
    into = ", ".join(f'"{name}"' for name in names)
    return (
        f"INSERT INTO {table.name} ({into}) SELECT {', '.join(values)}"  # noqa: S608  # own names
        " FROM jsonb_array_elements(CAST(:lines AS jsonb)) AS l CROSS JOIN LATERAL"
        f" jsonb_populate_{shape}(NULL::{table.name}, l->'{field}') AS r {on_conflict}"
    )


def _value(column: Column[Any]) -> str:
    """Return where a value comes from; an earlier version's lines may lack it."""
    default = getattr(column.server_default, "arg", None)
    if column.nullable or not isinstance(default, (str, TextClause)):
        return f'r."{column.name}"'
    plain = f"'{default}'" if isinstance(default, str) else default.text
    return f'coalesce(r."{column.name}", {plain})'
