"""Filters, orders and pages of ticket lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.accounts import Actor
from app.domain.filters import ORDERS, TicketFilter
from app.domain.reviews import ReviewDraft, ReviewVerdict
from app.domain.tickets import Category, Severity
from app.factory import Factory
from app.storage.statistics import TicketStatistics
from app.storage.tickets.pages import Expectation, expectation
from tests.factories.tickets import a_draft
from tests.support.statements import sent_statements

DAWN, DUSK = datetime(2001, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def three(factory: Factory, ada: Actor) -> Factory:
    await factory.tickets.file(
        ada,
        a_draft(
            key="A-10",
            severity=Severity.P3,
            batch=2,
            domains=("kasmina/blend",),
            categories=(Category.API_CONTRACT,),
            title="Gradients leak through seed_input",
        ),
    )
    await factory.tickets.file(
        ada,
        a_draft(key="A-9", severity=Severity.P1, agent="pytorch", domains=("tolaria",)),
    )
    await factory.tickets.file(
        ada, a_draft(key="B-1", severity=Severity.P2, domains=("kasmina",), assignee="grace")
    )
    await factory.reviews.record(ada, "A-9", ReviewDraft(ReviewVerdict.OBJECT, "no", "drl"))
    return factory


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "A-9 A-10 B-1"),
    ({"severity": ("P1", "P3")}, "A-9 A-10"),
    ({"severity": ("P1",), "batch": (2,)}, ""),
    ({"batch": (5,)}, "A-9 B-1"),
    ({"agent": ("pytorch",)}, "A-9"),
    ({"status": ("open",)}, "A-9 A-10 B-1"),
    ({"status": ("closed",)}, ""),
    ({"resolution": ("fixed",)}, ""),
    ({"domain": ("kasmina",)}, "A-10 B-1"),
    ({"domain": ("kasmina/blend",)}, "A-10"),
    ({"domain": ("kas",)}, ""),
    ({"category": ("api-contract", "dead-code")}, "A-10"),
    ({"verdict": ("OBJECT",)}, "A-9"),
    ({"verdict": ("ENDORSE",)}, ""),
    ({"evidence": ("not-covered",)}, "A-9"),
    ({"evidence": ("none",)}, "A-10 B-1"),
    ({"stale": True}, ""),
    ({"stale": False}, "A-9 A-10 B-1"),
    ({"assignee": ("grace",)}, "B-1"),
    ({"created_by": ("ada",)}, "A-9 A-10 B-1"),
    ({"created_by": ("nobody",)}, ""),
    ({"q": "leaking gradient"}, "A-10"),
    ({"q": "-gradients scale"}, "A-9 B-1"),
]


async def test_filters(three: Factory) -> None:
    for fields, keys in FILTERS:
        wanted = TicketFilter(**fields)
        page = await three.tickets.page(wanted, "key", after=None, limit=50)

        assert " ".join(item.key for item in page.items) == keys, fields
        assert await three.tickets.count(wanted) == (len(keys.split()), True), fields


async def test_orders(three: Factory) -> None:
    for order, keys in {
        "created": "A-10 A-9 B-1",
        "-created": "B-1 A-9 A-10",
        "severity": "A-9 B-1 A-10",
        "key": "A-9 A-10 B-1",
        "-key": "B-1 A-10 A-9",
    }.items():
        page = await three.tickets.page(TicketFilter(), order, after=None, limit=50)

        assert " ".join(item.key for item in page.items) == keys, order


async def test_pages_show_each_ticket_once_while_others_are_filed(
    three: Factory, ada: Actor
) -> None:
    for order in ORDERS:
        seen: list[str] = []
        page = await three.tickets.page(TicketFilter(batch=(2, 5)), order, after=None, limit=1)
        seen += [item.key for item in page.items]
        while page.next_position is not None:
            await three.tickets.file(ada, a_draft(batch=9))
            page = await three.tickets.page(
                TicketFilter(batch=(2, 5)), order, after=page.next_position, limit=1
            )
            seen += [item.key for item in page.items]

        assert sorted(seen) == ["A-10", "A-9", "B-1"], order


@pytest.mark.parametrize("walk", [0, 1, 1000])
@pytest.mark.parametrize("order", ["-created", "created", "-updated", "severity", "key"])
async def test_what_is_expected_of_a_search_changes_no_page(
    three: Factory, order: str, walk: int
) -> None:
    for wanted in (
        TicketFilter(q="-gradients scale"),
        TicketFilter(q="scale ignores"),
        TicketFilter(q='"its factor" scale'),
        TicketFilter(q="scale", severity=("P1",)),
    ):
        async with three.unit.read() as stores:
            page = stores.ticket_lists.page
            plain = await page(wanted, order, after=None, limit=1)
            moments = {item.updated_at for item in plain.items} if order.endswith("ed") else set()
            for until in (None, *moments, *({DAWN, DUSK} if moments else ())):
                for telling in (None, "'scale'"):
                    expected = Expectation(walk, until, telling)
                    found = await page(wanted, order, after=None, limit=1, expected=expected)
                    assert found == plain
                    if plain.next_position is not None:
                        after = plain.next_position
                        rest = await page(wanted, order, after=after, limit=5, expected=expected)
                        assert rest == await page(wanted, order, after=after, limit=5)


async def test_a_window_that_holds_a_page_is_all_that_is_read(three: Factory) -> None:
    wanted = TicketFilter(q="scale")
    with sent_statements() as seen:
        async with three.unit.read() as stores:
            for until, statements in ((DAWN, 1), (DUSK, 2)):
                expected = Expectation(0, until)
                await stores.ticket_lists.page(
                    wanted, "-created", after=None, limit=1, expected=expected
                )
                assert len(seen) == statements
                seen.clear()


@pytest.mark.parametrize(
    "word",
    ["it's", "back\\slash", "a'\\'b", '"a phrase"', "\\\\", "'", "x:*", "😀", "&|!<->()", "a/b.py"],
)
async def test_any_word_may_be_one_of_the_telling_ones(three: Factory, word: str) -> None:
    known = TicketStatistics(tickets=1e6, words={"scale": 0.9, "common": 0.2})
    q = f"scale {word}"
    async with three.unit.read() as stores:
        terms = await stores.statistics.terms(q)
        expected = expectation(known, terms, "-created", None, 50)
        page = stores.ticket_lists.page
        found = await page(
            TicketFilter(q=q), "-created", after=None, limit=50, expected=replace(expected, walk=0)
        )

        assert found == await page(TicketFilter(q=q), "-created", after=None, limit=50)
