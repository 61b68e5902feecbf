"""Keys are minted without gap and without double, whoever files at the same time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import psycopg
import pytest

from app.database import libpq_url
from app.domain.accounts import Actor
from app.domain.catalogue import CatalogueTest
from app.domain.keys import sort_key
from app.domain.tickets import Relation, RelationKind, TicketDraft
from app.errors import AlreadyTaken, InvalidInput
from app.factory import Factory
from tests.factories.tickets import a_draft

pytestmark = pytest.mark.anyio


async def file_all(factory: Factory, ada: Actor, drafts: list[TicketDraft]) -> list[str]:
    """File at the same time; keys that are taken and drafts that are refused leave no entry."""

    async def file(draft: TicketDraft) -> str | None:
        try:
            return (await factory.tickets.file(ada, draft)).key
        except (AlreadyTaken, InvalidInput):
            return None

    found = await asyncio.gather(*map(file, drafts))
    return [key for key in found if key is not None]


async def test_twenty_filings_at_once_get_twenty_numbers(factory: Factory, ada: Actor) -> None:
    keys = await file_all(factory, ada, [a_draft() for _ in range(20)])

    assert sorted(keys) == [f"B5-DRL-{n:02d}" for n in range(1, 21)]


async def test_refused_filings_in_between_leave_no_gap(factory: Factory, ada: Actor) -> None:
    refused = a_draft(relations=(Relation("B9-DRL-99", RelationKind.RELATED),))

    keys = await file_all(factory, ada, [a_draft(), refused] * 10)

    assert sorted(keys) == [f"B5-DRL-{n:02d}" for n in range(1, 11)]


async def test_given_and_minted_keys_side_by_side_block_and_repeat_nothing(
    factory: Factory, ada: Actor
) -> None:
    given = [a_draft(key=f"B{batch}-DRL-{n:02d}") for batch in (5, 6) for n in (3, 7, 20)]
    minted = [a_draft(batch=batch) for batch in (5, 6) for _ in range(7)]
    drafts = [*given, *minted]
    random.Random(7).shuffle(drafts)

    keys = await file_all(factory, ada, drafts)

    assert max(Counter(keys).values()) == 1
    # Minted ones always get a key; a given one is filed unless it was minted just before.
    assert {f"B{batch}-DRL-20" for batch in (5, 6)} <= set(keys)
    assert len(keys) >= len(minted)
    follows = await factory.tickets.file(ada, a_draft())
    assert int(follows.key.rsplit("-", 1)[1]) > max(
        int(key.rsplit("-", 1)[1]) for key in keys if key.startswith("B5-")
    )


async def test_a_key_filed_twice_at_once_is_one_ticket(factory: Factory, ada: Actor) -> None:
    keys = await file_all(factory, ada, [a_draft(key="KAS-07") for _ in range(8)])

    assert keys == ["KAS-07"]


async def test_a_reference_filed_twice_at_once_is_one_ticket(factory: Factory, ada: Actor) -> None:
    keys = await file_all(factory, ada, [a_draft(external_ref="jira-1") for _ in range(8)])

    assert len(keys) == 1
    with pytest.raises(AlreadyTaken, match=f"already filed 'jira-1' as {keys[0]}"):
        await factory.tickets.file(ada, a_draft(external_ref="jira-1"))


async def test_keys_that_the_suite_claims_are_skipped(factory: Factory, ada: Actor) -> None:
    claimed = CatalogueTest("t.py::a", "t.py", None, ("B5-DRL-01", "B5-DRL-03"), "d")
    async with factory.unit.begin() as stores:
        await stores.catalogue.replace_tests("kasmina", [claimed])

    keys = [(await factory.tickets.file(ada, a_draft())).key for _ in range(2)]

    assert keys == ["B5-DRL-02", "B5-DRL-04"]


async def test_a_dry_run_uses_up_no_key(factory: Factory, ada: Actor) -> None:
    for _ in range(2):
        assert (await factory.tickets.file(ada, a_draft(), dry_run=True)).key == "B5-DRL-01"

    assert (await factory.tickets.file(ada, a_draft())).key == "B5-DRL-01"


@pytest.mark.parametrize(
    ("domains", "state"), [((), "none"), (("kasmina/a",), "none"), (("elsewhere",), "not-covered")]
)
async def test_a_ticket_added_by_one_statement_is_like_one_added_under_a_given_key(
    factory: Factory, ada: Actor, domains: tuple[str, ...], state: str
) -> None:
    title = "FooBar couples l'amplitude, étrange; see 1a2b3c4d5e"
    given = await factory.tickets.file(ada, a_draft(key="B7-DRL-123", title=title, domains=domains))

    minted = await factory.tickets.file(ada, a_draft(batch=7, title=title, domains=domains))

    assert minted.key == "B7-DRL-124"
    assert minted.evidence.state.value == given.evidence.state.value == state
    assert minted.similar[0].key == given.key
    with psycopg.connect(libpq_url(factory.database_url)) as connection:
        rows = connection.execute(
            "SELECT t.sort_key, t.domain_paths, t.target, replace(t.search::text, '124', '123'),"
            " array(SELECT key FROM ticket_similarity_keys WHERE ticket_id = t.id ORDER BY 1),"
            " (SELECT replace(changes::text, '124', '123') FROM audit_events"
            " WHERE ticket_id = t.id) FROM tickets t WHERE batch = 7 OR key = 'B7-DRL-123'"
            " ORDER BY t.id"
        ).fetchall()
    assert rows[0][1:] == rows[1][1:]
    assert [row[0] for row in rows] == [sort_key(given.key), sort_key(minted.key)]
