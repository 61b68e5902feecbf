"""How many statements a read takes: the shape that the speed of the hot reads rests on."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from app.domain.accounts import Actor
from app.domain.filters import ORDERS, TicketFilter
from app.domain.reviews import ReviewDraft, ReviewVerdict
from app.domain.runs import Authors, RunKind
from app.domain.tickets import ChecklistItem, Location, Relation, RelationKind, Section
from app.factory import Factory
from app.services.execution import Slot
from app.storage.rows import new_id
from tests.factories.runs import BUNDLED, a_plan, an_arm
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


async def ended(factory: Factory, ada: Actor, tests: int) -> tuple[int, int, str]:
    """Statements to take a check of so many tests up and to store its end, and where it stands."""
    ids = [f"t.py::test_{n}" for n in range(tests)]
    ticket, run_id = await factory.tickets.file(ada, a_draft()), new_id()
    async with factory.unit.begin() as stores:
        plan = replace(a_plan(*ids, arms=BUNDLED), target="kasmina")
        await stores.runs.add(run_id, ticket.id, RunKind.CHECK, plan, ada, authors=Authors())
        await stores.jobs.defer_run(run_id, plan.target)
        slot = Slot("worker", await stores.jobs.register_worker())
    with sent_statements() as taking:
        assignment = await factory.execution.take(slot)
    assert assignment is not None
    arms = [an_arm("bundled", dict.fromkeys(ids, "pass"))]
    with sent_statements() as ending:
        assert await factory.execution.finish(assignment, arms, {})
    return len(taking), len(ending), (await factory.runs.show(run_id)).status.value


async def test_a_run_takes_as_many_statements_however_many_tests_it_has(
    factory: Factory, ada: Actor
) -> None:
    one = await ended(factory, ada, 1)

    assert await ended(factory, ada, 30) == one
    taking, ending, status = one
    assert (taking, status) == (3, "finished")
    assert ending <= 12


async def test_of_writes_that_are_sent_together_all_stay_or_none(
    factory: Factory, ada: Actor
) -> None:
    ticket, run_id = await factory.tickets.file(ada, a_draft()), new_id()

    async def write_and_fail() -> None:
        async with factory.unit.begin() as stores, stores.together():
            plan = a_plan("t.py::a", arms=BUNDLED)
            await stores.runs.add(run_id, ticket.id, RunKind.CHECK, plan, ada, authors=Authors())
            await stores.audit.record(ada, "run.triggered", ticket_id=-1)
            await stores.jobs.defer_run(run_id, "kasmina")

    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await write_and_fail()
    async with factory.unit.begin() as stores:
        number = await stores.jobs.register_worker()
        assert await stores.runs.status_of(run_id) is None
        assert await stores.jobs.take(number, ["kasmina"]) is None
