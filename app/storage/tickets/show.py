"""One ticket with everything that is shown with it, by one statement."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, Text, bindparam, case, or_, select

from app.domain.plain import from_plain, values_from_plain
from app.domain.reviews import consensus_of
from app.domain.strength import StrengthGate
from app.domain.tickets import PatchInfo, Ticket
from app.schema.accounts import accounts, specialists
from app.schema.reviews import reviews
from app.schema.tickets import (
    checklist_items,
    ticket_locations,
    ticket_relations,
    ticket_sections,
    tickets,
)
from app.schema.verification import ticket_patches
from app.storage.external import newest_of_ticket
from app.storage.links import links_of
from app.storage.mutants import strength_shown, ticket_strength_from
from app.storage.places import RELOCATED, relocated_from
from app.storage.prepared import Prepared
from app.storage.rows import json_list
from app.storage.swept import newest_sweep
from app.storage.tickets.evidence import evidence_from
from app.storage.tickets.readiness import closed_without

SHOW = Prepared(lambda: whole_tickets().where(tickets.c.key == bindparam("wanted_key", type_=Text)))
"""Reads the ticket ``wanted_key`` and all its parts."""


def own_columns() -> list[ColumnElement[Any]]:
    """Return the columns of a ticket's own row that are shown."""
    return [column for column in tickets.c if column is not tickets.c.search]


def whole_tickets() -> Select[Any]:
    """Return the statement that reads tickets with all their parts, for a condition to follow."""
    author = accounts.alias("author")
    return (
        select(
            *own_columns(),
            author.c.name.label("author"),
            closed_without().label("closed_without"),
            _sections().label("sections"),
            _locations().label("locations"),
            _checklist().label("checklist"),
            _relations().label("relations"),
            current_reviews().label("reviews"),
            _tests().label("tests"),
            _patches().label("patches"),
            newest_of_ticket().label("external_results"),
            specialists_listed().label("specialists"),
            strength_shown().label("strength"),
            newest_sweep().label("swept"),
        )
        .select_from(tickets)
        .join(author, author.c.id == tickets.c.created_by)
    )


def _sections() -> ScalarSelect[Any]:
    table = ticket_sections.c
    fields = {"id": table.id, "heading": table.heading, "body": table.body}
    query = select(table.id).where(table.ticket_id == tickets.c.id)
    return json_list(fields, query, [table.position])


def _locations() -> ScalarSelect[Any]:
    table = ticket_locations.c
    names = ("id", "path", "start_line", "end_line", "symbol", "note", *RELOCATED)
    query = select(table.id).where(table.ticket_id == tickets.c.id)
    return json_list({name: table[name] for name in names}, query, [table.position])


def _checklist() -> ScalarSelect[Any]:
    table = checklist_items.c
    fields = {"id": table.id, "text": table.text, "done": table.done}
    query = select(table.id).where(table.ticket_id == tickets.c.id)
    return json_list(fields, query, [table.position])


def _relations() -> ScalarSelect[Any]:
    """Relations seen from this ticket: as stored, or inverted when stored by the other one."""
    table, other = ticket_relations.c, tickets.alias("other")
    mine = table.ticket_id == tickets.c.id
    inverse = case(
        (table.kind == "blocks", "blocked-by"),
        (table.kind == "duplicate-of", "duplicated-by"),
        else_="related",
    )
    fields = {
        "key": other.c.key,
        "kind": case((mine, table.kind), else_=inverse),
        "note": table.note,
        "stated_here": case((mine, ~table.by_other), else_=table.by_other),
    }
    query = (
        select(table.kind)
        .select_from(ticket_relations)
        .join(other, other.c.id == case((mine, table.other_id), else_=table.ticket_id))
        .where(or_(mine, table.other_id == tickets.c.id))
        .correlate(tickets)
    )
    return json_list(fields, query, [other.c.sort_key, table.kind])


def review_fields(author: Any) -> dict[str, Any]:
    """Return the columns of a review as its JSON object names them."""
    table = reviews.c
    names = (
        "id",
        "specialist",
        "verdict",
        "rationale",
        "on_behalf",
        "created_at",
        "ticket_version",
        "claim",
        "fix",
        "proposed_severity",
        "amendment",
        "evidence",
        "provenance",
        "superseded_by",
        "answer",
        "applied",
    )
    return {name: table[name] for name in names} | {
        "author": author.c.name,
        "outdated": table.content_version < tickets.c.content_version,
    }


def current_reviews() -> ScalarSelect[Any]:
    """Return the reviews of a ticket that none supersedes, oldest first."""
    reviewer = accounts.alias("reviewer")
    query = (
        select(reviews.c.id)
        .select_from(reviews)
        .join(reviewer, reviewer.c.id == reviews.c.author_id)
        .where(reviews.c.ticket_id == tickets.c.id, reviews.c.superseded_by.is_(None))
        .correlate(tickets)
    )
    return json_list(review_fields(reviewer), query, [reviews.c.created_at, reviews.c.id])


def _tests() -> ScalarSelect[Any]:
    links = links_of(tickets.c.id, tickets.c.key, tickets.c.target).subquery("links")
    names = ("id", "node_id", "purpose", "origin", "checklist_item", "digest", "last_outcome")
    return json_list({name: links.c[name] for name in names}, select(links.c.id), [links.c.node_id])


def _patches() -> ScalarSelect[Any]:
    table, author = ticket_patches.c, accounts.alias("patch_author")
    fields = {
        "name": table.name,
        "digest": table.digest,
        "author": author.c.name,
        "at": table.created_at,
        "applies": table.applies,
    }
    query = (
        select(table.name)
        .select_from(ticket_patches)
        .join(author, author.c.id == table.author_id)
        .where(table.ticket_id == tickets.c.id)
        .correlate(tickets)
    )
    return json_list(fields, query, [table.name])


def specialists_listed() -> ScalarSelect[Any]:
    """Return the specialists there are, in their order, of which a consensus speaks."""
    table = specialists.c
    query = select(table.name).where(~table.imported)
    return json_list({"name": table.name}, query, [table.position])


def ticket_from(row: Any, gate: StrengthGate) -> Ticket:
    """Build the domain ticket from a row of `whole_tickets`; `gate` is the service's setting."""
    stored = values_from_plain(Ticket, {name: getattr(row, name) for name in _AS_STORED})
    listed = (item["name"] for item in row.specialists)
    return Ticket(
        **stored,
        created_by=row.author,
        consensus=consensus_of(stored["reviews"], listed),
        evidence=evidence_from(row),
        patches={item["name"]: from_plain(PatchInfo, item) for item in row.patches},
        relocated=tuple(relocated_from(item) for item in row.locations),
        strength=None if row.strength is None else ticket_strength_from(row.strength),
        strength_gate=gate,
    )


_MADE = {
    *("created_by", "consensus", "evidence", "patches", "relocated", "strength"),
    *("strength_gate", "similar", "verdicts_hidden"),
}
_AS_STORED = tuple(one.name for one in fields(Ticket) if one.name not in _MADE)
"""What a row has under a ticket's own words."""
