"""Tickets that are alike, when one is filed and later."""

from __future__ import annotations

import psycopg
import pytest

from app.domain.similarity import features, similarity_keys
from tests.support.api import Api, ticket_body

pytestmark = pytest.mark.anyio

PLACE = {"path": "kasmina/blend_ops.py", "start_line": 59, "end_line": 94}


@pytest.fixture
async def known(api: Api) -> Api:
    await api.file(
        key="KAS-1",
        title="blend_multiply couples gradients when seed_input is left out",
        summary="Leaving seed_input out makes the host its own seed input.",
        locations=[{**PLACE, "symbol": "blend_multiply()"}],
    )
    await api.file(key="KAS-2", title="Unrelated trouble", summary="Elsewhere.")
    return api


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"locations": [{**PLACE, "start_line": 80, "end_line": 99}]}, "same lines"),
        ({"locations": [{"symbol": "blend_multiply"}]}, "same symbol"),
        (
            {"title": "Gradient coupling in blend_multiply without a seed_input"},
            "same words",
        ),
    ],
)
async def test_filing_names_tickets_that_may_tell_of_the_same(
    known: Api, fields: dict[str, object], reason: str
) -> None:
    body = ticket_body(**{"title": "Something new", "summary": "Quite another text.", **fields})

    dry = await known.call("POST", "/tickets?dry_run=true", json=body, expect=200)
    filed = await known.call("POST", "/tickets", json=body, expect=201)

    (like,) = dry.json()["similar"]
    assert filed.json()["similar"] == [like]
    assert (like["key"], like["status"]) == ("KAS-1", "open")
    assert like["title"].startswith("blend_multiply")
    assert 0.3 <= like["score"] <= 1
    assert like["reasons"][0].startswith(reason)


async def test_what_is_alike_in_nothing_is_not_named(known: Api) -> None:
    body = ticket_body(title="Checkpoint drops", summary="Momentum vanishes.")

    answer = await known.call("POST", "/tickets?dry_run=true", json=body)

    assert answer.json()["similar"] == []


async def test_a_ticket_is_not_like_itself_and_likeness_goes_both_ways(known: Api) -> None:
    twin = await known.file(
        title="blend_multiply couples gradients when seed_input is left out",
        summary="Leaving seed_input out makes the host its own seed input.",
        locations=[PLACE],
    )

    of_twin = await known.get(f"/tickets/{twin['key']}/similar")
    of_first = await known.get("/tickets/KAS-1/similar")

    assert [item["key"] for item in of_twin["items"]] == ["KAS-1"]
    assert [item["key"] for item in of_first["items"]] == [twin["key"]]
    assert of_first["items"][0]["score"] == of_twin["items"][0]["score"] > 0.9
    assert of_first["next_cursor"] is None


async def test_a_ticket_is_found_by_what_it_says_now(known: Api, database: str) -> None:
    change = {"title": "Checkpoint drops the momentum"}

    await known.call(
        "PATCH", "/tickets/KAS-2", json=change, headers={"If-Match": '"1"'}, expect=200
    )

    filed = await known.file(title="Momentum is dropped from a checkpoint", summary="It is gone.")
    assert [item["key"] for item in filed["similar"]] == ["KAS-2"]
    again = await known.file(title="Unrelated trouble", summary="Nowhere at all.")
    assert again["similar"] == []
    with psycopg.connect(database) as connection:
        kept = connection.execute(
            "SELECT k.key FROM ticket_similarity_keys AS k JOIN tickets AS t ON t.id = k.ticket_id"
            " WHERE t.key = 'KAS-2'"
        ).fetchall()
    own = features(change["title"], "Elsewhere.", ())
    assert sorted(key for (key,) in kept) == sorted(similarity_keys(own))


async def test_the_ticket_that_shares_most_words_is_found_among_many_with_two_of_them(
    known: Api,
) -> None:
    for n in range(30):
        await known.file(title=f"gradients couple elsewhere {'xyzv'[n % 4]}{n}", summary="Other.")

    filed = await known.file(
        title="Gradients couple when the seed_input of blend_multiply is missing",
        summary="Nobody passes it.",
    )

    assert filed["similar"][0]["key"] == "KAS-1"


async def test_no_ticket_has_no_likeness(api: Api) -> None:
    await api.call("GET", "/tickets/KAS-404/similar", expect=404)


@pytest.mark.parametrize(
    "text", ["'", "\\", "a' | 'b", "!!", "🦀🦀🦀 crab", "the of", "x" * 300, "it's & <-> (b:*)"]
)
async def test_no_text_is_an_error(api: Api, text: str) -> None:
    await api.file(title=text, locations=[{"path": text, "symbol": text}])
    again = await api.file(title=text, locations=[{"path": text, "symbol": text}])

    assert again["similar"][0]["reasons"]
