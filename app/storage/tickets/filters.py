"""What lists of tickets are narrowed to, and the conditions that this stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, overload
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Numeric,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    exists,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import NUMRANGE, TSQUERY

from app.domain.filters import FILTERS, TicketFilter
from app.domain.search import search_query
from app.domain.sight import Sight
from app.domain.strength import StrengthGate, range_of
from app.schema.accounts import accounts
from app.schema.reviews import reviews
from app.schema.scanning import scanner_results
from app.schema.tickets import ticket_locations, tickets
from app.storage.drift import drifted
from app.storage.search import query_of
from app.storage.sight import hidden_from, sight_values
from app.storage.tickets.readiness import closable, objected_to, waived

Form = tuple[tuple[str, bool], ...]
"""The filters of a list, each with whether it has several values (or which of two it asks for)."""


@overload
def under(gate: StrengthGate, wanted: TicketFilter) -> TicketFilter: ...
@overload
def under(gate: StrengthGate, wanted: None) -> None: ...
def under(gate: StrengthGate, wanted: TicketFilter | None) -> TicketFilter | None:
    """Return a filter that asks what is closable by the service's setting of strength."""
    if wanted is None or wanted.closable is None or gate is not StrengthGate.REQUIRED:
        return wanted
    return replace(wanted, needs_strength=True)


def form_of(wanted: TicketFilter) -> Form:
    """Return what the text of the conditions depends on: all but the values."""
    found = []
    for name in _FILTERS:
        value = getattr(wanted, name)
        if value is None or value == ():
            continue  # most of them, at each list
        if name in _FLAGS:
            found.append((name, value))
        elif name == "sight":
            found.append((name, True))
        elif value:
            found.append((name, name not in ("q", "strength") and len(value) > 1))
    return tuple(found)


def example_of(form: Form) -> TicketFilter:
    """Return a filter of this form, with values of no meaning."""
    values: dict[str, Any] = {}
    for name, flag in form:
        if name in _FLAGS:
            values[name] = flag
        elif name == "q":
            values[name] = "word"
        elif name == "strength":
            values[name] = ("weak",)
        elif name == "sight":
            values[name] = Sight(UUID(int=0), "", True, (), ())
        else:
            values[name] = ("", "") if flag else ("",)
    return TicketFilter(**values)


def values_of(wanted: TicketFilter) -> dict[str, Any]:
    """Return the parameters of the conditions that `wanted` stands for."""
    found: dict[str, Any] = {}
    for name, many in form_of(wanted):
        value = getattr(wanted, name)
        if name in _FLAGS:
            continue
        if name == "strength":
            found["wanted_strength"] = [range_of(one) for one in value]
        elif name == "q":
            found["wanted_q"] = search_query(value)
        elif name == "sight":
            found |= sight_values(value)
        elif name in _LISTS or many:
            found[f"wanted_{name}"] = list(value)
        else:
            (found[f"wanted_{name}"],) = value
    return found


def conditions(wanted: TicketFilter, *, telling: bool = False) -> list[ColumnElement[bool]]:
    """Return the conditions that `wanted` stands for; values are parameters ``wanted_<filter>``.

    With `telling` the index of words is asked for those in the parameter ``telling`` alone, which
    are some of the query's, and each ticket that holds them for the whole query.
    """
    columns = tickets.c
    found: list[ColumnElement[bool]] = []
    for name in ("severity", "status", "resolution", "batch", "agent", "assignee", "target"):
        if values := getattr(wanted, name):
            found.append(_one_of(columns[name], name, values))
    if wanted.evidence:
        found.append(_one_of(columns.evidence_state, "evidence", wanted.evidence))
        if wanted.stale is None:
            # What is asked for by its evidence is to have it: stale evidence is asked for apart.
            found.append(~columns.evidence_stale)
    if wanted.stale is not None:
        found.append(columns.evidence_stale if wanted.stale else ~columns.evidence_stale)
    if wanted.closable is not None:
        ready = closable(needs_strength=bool(wanted.needs_strength))
        found.append(ready if wanted.closable else ~ready)
    if wanted.objected is not None:
        found.append(objected_to() if wanted.objected else ~objected_to())
    if wanted.waived is not None:
        found.append(waived() if wanted.waived else ~waived())
    if wanted.drift is not None:
        found.append(drifted() if wanted.drift else ~drifted())
    for name, column in _LISTS.items():
        if values := getattr(wanted, name):
            found.append(column.overlap(bindparam(f"wanted_{name}", list(values), column.type)))
    if wanted.created_by:
        named = _one_of(accounts.c.name, "created_by", wanted.created_by)
        authors = select(accounts.c.id).where(named)
        # Asked for once: of an author that nobody is, no ticket is looked at.
        found.append(authors.exists())
        # One author is a value, by which an index is in order; several are a set.
        single = len(wanted.created_by) == 1
        by = columns.created_by
        found.append(by == authors.scalar_subquery() if single else by.in_(authors))
    if wanted.verdict or wanted.reviewer:
        found.append(_has_review(wanted.verdict, wanted.reviewer))
    if wanted.scanner or wanted.rule or wanted.reported is not None:
        found.append(_has_result(wanted))
    if wanted.strength:
        ranges = cast(
            bindparam("wanted_strength", list(map(range_of, wanted.strength)), ARRAY(Text)),
            ARRAY(NUMRANGE),
        )
        found.append(cast(columns.strength_rank, Numeric).op("<@")(any_(ranges)))
    if wanted.sight is not None:
        found.append(~hidden_from(wanted.sight))
    if wanted.location:
        columns = ticket_locations.c
        asked = _one_of(columns.state, "location", wanted.location)
        found.append(exists().where(columns.ticket_id == tickets.c.id, asked))
    if wanted.q:
        found += _full_text(wanted.q, telling=telling)
    return found


_LISTS: Mapping[str, Any] = {"domain": tickets.c.domain_paths, "category": tickets.c.categories}
_FILTERS = tuple(field.name for field in fields(TicketFilter))
_FLAGS = frozenset({"needs_strength", *(name for name, one in FILTERS.items() if one.is_flag)})


def _full_text(q: str, *, telling: bool) -> list[ColumnElement[bool]]:
    # In a SELECT of its own: the query is read once, not for each ticket on a walk.
    asked = select(query_of(bindparam("wanted_q", search_query(q)))).scalar_subquery()
    search = tickets.c.search
    if not telling:
        return [search.bool_op("@@")(asked)]
    words = select(cast(bindparam("telling", "", Text), TSQUERY)).scalar_subquery()
    # By its function, which no index answers, instead of by the operator.
    return [search.bool_op("@@")(words), func.ts_match_vq(search, asked)]


def _one_of(column: ColumnElement[Any], name: str, values: Sequence[Any]) -> ColumnElement[bool]:
    # Alone it is no array: only by a single value is an index in order behind it.
    if len(values) == 1:
        return column == bindparam(f"wanted_{name}", values[0], column.type)
    return column == any_(bindparam(f"wanted_{name}", list(values), ARRAY(column.type)))


def _has_review(verdicts: tuple[str, ...], specialists: tuple[str, ...]) -> ColumnElement[bool]:
    columns = reviews.c
    asked = [
        _one_of(column, name, values)
        for column, name, values in (
            (columns.verdict, "verdict", verdicts),
            (columns.specialist, "reviewer", specialists),
        )
        if values
    ]
    return exists().where(
        and_(columns.ticket_id == tickets.c.id, columns.superseded_by.is_(None), *asked)
    )


def _has_result(wanted: TicketFilter) -> ColumnElement[bool]:
    columns = scanner_results.c
    asked = [
        _one_of(columns[name], name, values)
        for name, values in (("scanner", wanted.scanner), ("rule", wanted.rule))
        if values
    ]
    if wanted.reported is not None:
        asked.append(columns.reported if wanted.reported else ~columns.reported)
    # By a set and not for each ticket: a scanner has few of many tickets, or a rule has.
    return tickets.c.id.in_(select(columns.ticket_id).where(*asked))
