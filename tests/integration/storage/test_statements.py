"""How many statements a read takes: the shape that the speed of the hot reads rests on."""

from __future__ import annotations

import pytest

from app.domain.accounts import Actor
from app.domain.filters import ORDERS, TicketFilter
from app.domain.reviews import ReviewDraft, ReviewVerdict
from app.domain.tickets import ChecklistItem, Location, Relation, RelationKind, Section
from app.factory import Factory
from tests.factories.tickets import a_draft
from tests.support.statements import sent_statements

pytestmark = pytest.mark.anyio


async def test_a_ticket_with_all_its_parts_is_one_statement(factory: Factory, ada: Actor) -> None:
    other = await factory.tickets.file(ada, a_draft())
    ticket = await factory.tickets.file(
        ada,
        a_draft(
            sections=tuple(Section(f"Section {n}", "Text.") for n in range(5)),
            locations=tuple(Location(path=f"kasmina/{n}.py") for n in range(5)),
            checklist=tuple(ChecklistItem(f"Step {n}") for n in range(5)),
            relations=(Relation(other.key, RelationKind.BLOCKS),),
        ),
    )
    for name in ("drl", "pytorch", "human"):
        await factory.reviews.record(ada, ticket.key, ReviewDraft(ReviewVerdict.ENDORSE, "", name))

    with sent_statements() as seen:
        shown = await factory.tickets.show(ticket.key)

    assert len(seen) == 1
    assert (len(shown.sections), len(shown.reviews), len(shown.relations)) == (5, 3, 1)


async def test_a_list_is_one_statement_whatever_it_holds(factory: Factory, ada: Actor) -> None:
    async def seen(order: str, limit: int) -> int:
        with sent_statements() as found:
            await factory.tickets.page(TicketFilter(), order, after=None, limit=limit)
        return len(found)

    assert [await seen(order, 50) for order in ORDERS] == [1] * len(ORDERS)
    for _ in range(6):
        key = (await factory.tickets.file(ada, a_draft())).key
        await factory.reviews.record(ada, key, ReviewDraft(ReviewVerdict.NEUTRAL, "", "drl"))

    for order in ORDERS:
        assert [await seen(order, limit) for limit in (2, 5, 50)] == [1, 1, 1]


async def test_filing_takes_as_many_statements_as_before_however_many_parts(
    factory: Factory, ada: Actor
) -> None:
    async def seen(parts: int) -> int:
        draft = a_draft(
            sections=tuple(Section(f"Section {n}", "Text.") for n in range(parts)),
            checklist=tuple(ChecklistItem(f"Step {n}") for n in range(parts)),
        )
        with sent_statements() as found:
            await factory.tickets.file(ada, draft)
        return len(found)

    assert await seen(1) == await seen(20)
