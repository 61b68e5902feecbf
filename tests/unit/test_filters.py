"""Filters and orders of lists are the same for the API, the pages and the command."""

from __future__ import annotations

from inspect import signature
from typing import Any, get_args

import pytest
from starlette.datastructures import QueryParams

from app.api.payloads.filters import FilterIn, FiltersIn, ticket_filter
from app.api.payloads.views import ViewIn
from app.cli.catalogue import SECTIONS
from app.cli.commanding import made
from app.cli.words import WORDS as TYPED_WORDS
from app.domain.filter_words import WORDS
from app.domain.filters import FILTERS, ORDERS, TicketFilter, TicketOrder
from app.storage.tickets import pages as ticket_pages
from app.storage.tickets.filters import example_of, form_of, values_of
from app.web import filters

_CONTRACT = """
severity status evidence stale verdict resolution category location strength agent reviewer domain
target batch assignee created_by scanner rule closable objected waived drift reported q
"""


def example(name: str) -> str:
    """A value that a ticket can have, as an address holds it."""
    kind = FILTERS[name].values
    if kind in WORDS:
        return WORDS[kind][0]
    return {"flag": "false", "number": "2"}.get(kind, "kasmina")


def command(*path: str) -> Any:
    entries = {name: entry for part in SECTIONS.values() for name, entry in part.items()}
    found: Any = made(entries[path[0]], path[0])
    for word in path[1:]:
        found = found.commands[word]
    return found


def test_the_filters_are_those_of_the_contract() -> None:
    assert set(FILTERS) == set(_CONTRACT.split())


@pytest.mark.parametrize("body", [FiltersIn, FilterIn])
def test_address_and_body_take_every_filter(body: Any) -> None:
    assert list(signature(ticket_filter).parameters) == list(FILTERS)
    assert list(body.model_fields) == list(FILTERS)


@pytest.mark.parametrize("path", [("ticket", "list"), ("export",), ("view", "save"), ("relocate",)])
def test_commands_take_every_filter(path: tuple[str, ...]) -> None:
    taken = {param.name: param for param in command(*path).params}

    assert taken.keys() >= FILTERS.keys()
    for name, asked in FILTERS.items():
        assert taken[name].multiple is not asked.is_single, name
        assert taken[name].is_flag is asked.is_flag, name


@pytest.mark.parametrize("name", FILTERS)
def test_a_page_reads_a_filter_and_saves_it_as_the_api_takes_it(name: str) -> None:
    wanted = filters.read(QueryParams([(name, example(name)), ("sort", "key")]))

    taken = FilterIn.model_validate(wanted.body()["filters"])
    assert wanted.ignored == ()
    assert taken.filter() == wanted.filter != TicketFilter()
    assert ViewIn(name="x", **wanted.body()).draft().filters == wanted.body()["filters"]
    assert len(wanted.chips()) == 2


@pytest.mark.parametrize("name", FILTERS)
def test_storage_knows_every_filter(name: str) -> None:
    wanted = filters.read(QueryParams([(name, example(name))])).filter

    assert form_of(example_of(form_of(wanted))) == form_of(wanted) != ()
    assert len(values_of(wanted)) == (not FILTERS[name].is_flag)


@pytest.mark.parametrize(
    ("name", "value"), [("severity", "P9"), ("strength", "<x"), ("batch", "1.")]
)
def test_a_page_leaves_out_what_no_ticket_can_have(name: str, value: str) -> None:
    assert filters.read(QueryParams([(name, value)])).filter == TicketFilter()


def test_orders_are_everywhere_the_same() -> None:
    orders = list(ORDERS)

    assert list(get_args(TicketOrder)) == orders
    assert ticket_pages.ORDERS.keys() == ORDERS.keys()
    assert set(TYPED_WORDS["sort"]) == set(orders)
