"""The review queue: what stands in it, and leases that nobody gets twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import psycopg
import pytest

from tests.support.api import Api

pytestmark = pytest.mark.anyio


async def _queue(api: Api, specialist: str = "pytorch", *, as_: str = "admin") -> list[str]:
    page = await api.get(f"/review-queue?specialist={specialist}", as_=as_)
    return [item["key"] for item in page["items"]]


async def _claim(api: Api, as_: str, **body: Any) -> list[dict[str, Any]]:
    answer = await api.call("POST", "/review-queue/claim", as_=as_, json=body, expect=200)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def _keys(leased: list[dict[str, Any]]) -> list[str]:
    return [item["ticket"]["key"] for item in leased]


async def _review(api: Api, key: str, as_: str, **fields: Any) -> None:
    body = {"verdict": "ENDORSE", **fields}
    await api.call("POST", f"/tickets/{key}/reviews", as_=as_, json=body, expect=201)


def _expire_leases(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE review_leases SET expires_at = now() - interval '1 second'")


def _close(database: str, key: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "UPDATE tickets SET status = 'closed', resolution = 'fixed' WHERE key = %s", [key]
        )


@pytest.fixture
async def pia(api: Api) -> str:
    return await api.account("pia", "reviewer", speaks_for=("pytorch",))


@pytest.fixture
async def paul(api: Api) -> str:
    return await api.account("paul", "reviewer", speaks_for=("pytorch",))


# --- what stands in it ---------------------------------------------------------------------------


async def test_the_gravest_come_first_and_among_them_the_oldest(api: Api) -> None:
    filed = [(await api.file(severity=s))["key"] for s in ("P3", "P1", "P3", "P0", "P1")]

    expected = [filed[3], filed[1], filed[4], filed[0], filed[2]]
    assert await _queue(api) == expected
    first = await api.get("/review-queue?specialist=pytorch&limit=2")
    second = await api.get(
        f"/review-queue?specialist=pytorch&limit=2&cursor={first['next_cursor']}"
    )
    third = await api.get(
        f"/review-queue?specialist=pytorch&limit=2&cursor={second['next_cursor']}"
    )
    pages = [item["key"] for page in (first, second, third) for item in page["items"]]
    assert (pages, third["next_cursor"]) == (expected, None)


async def test_a_ticket_leaves_the_queue_by_review_and_comes_back_when_its_text_changes(
    api: Api, pia: str
) -> None:
    key = (await api.file())["key"]
    await _review(api, key, "admin", specialist="drl")
    assert await _queue(api) == [key]

    await _review(api, key, pia)
    assert await _queue(api) == []

    await api.call(
        "PATCH", f"/tickets/{key}", json={"assignee": "ada"}, headers={"If-Match": '"1"'}
    )
    assert await _queue(api) == []
    await api.call("PATCH", f"/tickets/{key}", json={"title": "x"}, headers={"If-Match": '"2"'})
    assert await _queue(api) == [key]


async def test_final_tickets_want_no_review(api: Api, database: str) -> None:
    key, other = (await api.file())["key"], (await api.file())["key"]
    _close(database, key)

    assert await _queue(api) == [other]


async def test_the_specialist_may_be_left_out_by_who_speaks_for_one(api: Api, pia: str) -> None:
    key = (await api.file())["key"]

    page = await api.get("/review-queue", as_=pia)
    nobody = await api.call("GET", "/review-queue", expect=422)
    unknown = await api.call("GET", "/review-queue?specialist=ptorch", expect=422)

    assert [item["key"] for item in page["items"]] == [key]
    for answer in (nobody, unknown):
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["in"]) == ("/specialist", "query")
        assert "pytorch" in error["allowed"]


# --- leases --------------------------------------------------------------------------------------


async def test_a_claim_answers_whole_tickets_that_others_no_longer_see(
    api: Api, pia: str, paul: str
) -> None:
    keys = [(await api.file())["key"] for _ in range(3)]

    leased = await _claim(api, pia, count=2, minutes=10)

    assert _keys(leased) == keys[:2]
    assert leased[0]["ticket"] == await api.get(f"/tickets/{keys[0]}", as_=pia)
    assert await _queue(api, as_=paul) == keys[2:]
    own = (await api.get("/review-queue", as_=pia))["items"]
    assert [item["lease"] and item["lease"]["expires_at"] for item in own] == [
        leased[0]["expires_at"],
        leased[1]["expires_at"],
        None,
    ]
    assert await _queue(api, "drl", as_=paul) == keys
    assert _keys(await _claim(api, paul, count=50)) == keys[2:]
    assert await _claim(api, paul, count=50) == []


async def test_agents_of_one_account_get_different_tickets(api: Api, pia: str) -> None:
    keys = [(await api.file())["key"] for _ in range(2)]

    assert _keys(await _claim(api, pia) + await _claim(api, pia)) == keys


async def test_a_claim_that_is_sent_twice_under_one_key_leases_once(api: Api, pia: str) -> None:
    for _ in range(3):
        await api.file()
    sent = {"as_": pia, "json": {"count": 1}, "headers": {"Idempotency-Key": "claim-number-1"}}

    first = await api.call("POST", "/review-queue/claim", expect=200, **sent)
    again = await api.call("POST", "/review-queue/claim", expect=200, **sent)

    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await _claim(api, pia, count=9)) == 2


async def test_claiming_leased_tickets_by_key_extends_the_lease(
    api: Api, pia: str, paul: str
) -> None:
    keys = [(await api.file())["key"] for _ in range(3)]
    (first,) = await _claim(api, pia, minutes=1)
    await _claim(api, paul, keys=keys[2:])

    again = await _claim(api, pia, keys=keys, minutes=60)

    assert _keys(again) == keys[:2]
    assert again[0]["expires_at"] > first["expires_at"]
    unknown = await api.call(
        "POST", "/review-queue/claim", as_=pia, json={"keys": ["B9-DRL-9"]}, expect=422
    )
    both = {"keys": keys, "count": 2}
    await api.call("POST", "/review-queue/claim", as_=pia, json=both, expect=422)
    assert unknown.json()["errors"][0]["pointer"] == "/keys/0"


async def test_an_expired_lease_is_free(api: Api, database: str, pia: str, paul: str) -> None:
    key = (await api.file())["key"]
    await _claim(api, pia)
    assert await _claim(api, paul) == []

    _expire_leases(database)

    assert await _queue(api, as_=paul) == [key]
    assert _keys(await _claim(api, paul)) == [key]
    assert await _claim(api, pia, keys=[key]) == []


async def test_recording_a_review_ends_the_lease(api: Api, pia: str, paul: str) -> None:
    key = (await api.file())["key"]
    await _claim(api, pia)

    await _review(api, key, pia)
    await api.call("PATCH", f"/tickets/{key}", json={"title": "x"}, headers={"If-Match": '"1"'})

    assert _keys(await _claim(api, paul)) == [key]


async def test_a_lease_of_one_specialist_does_not_hold_up_another(api: Api, pia: str) -> None:
    key = (await api.file())["key"]
    both = await api.account("dora", "reviewer", speaks_for=("drl", "human"))

    assert _keys(await _claim(api, pia)) == [key]
    assert _keys(await _claim(api, both, specialist="drl")) == [key]
    assert _keys(await _claim(api, both, specialist="human")) == [key]


async def test_released_tickets_are_free_at_once(api: Api, pia: str, paul: str) -> None:
    keys = [(await api.file())["key"] for _ in range(3)]
    await _claim(api, pia, count=2)
    await _claim(api, paul, count=1)

    one = await api.call(
        "POST", "/review-queue/release", as_=pia, json={"keys": [keys[0], keys[2]]}, expect=200
    )
    rest = await api.call("POST", "/review-queue/release", as_=pia, json={}, expect=200)

    assert one.json() == {"specialist": "pytorch", "released": [keys[0]]}
    assert rest.json()["released"] == [keys[1]]
    assert _keys(await _claim(api, paul, count=9)) == keys[:2]


async def test_only_who_speaks_for_a_specialist_claims_as_it(api: Api, pia: str) -> None:
    await api.file()
    await api.account("rita", "reader", speaks_for=("drl",))

    refused = await api.call(
        "POST", "/review-queue/claim", as_=pia, json={"specialist": "drl"}, expect=403
    )
    await api.call("POST", "/review-queue/claim", as_="rita", json={}, expect=403)
    for body in ({"count": 51}, {"count": 0}, {"minutes": 0}, {"minutes": 1441}, {"n": 1}):
        await api.call("POST", "/review-queue/claim", as_=pia, json=body, expect=422)

    assert "speaks_for drl" in refused.json()["needs"]


async def test_me_shows_how_long_the_queues_are(api: Api, pia: str, paul: str) -> None:
    keys = [(await api.file())["key"] for _ in range(3)]
    both = await api.account("dora", "reviewer", speaks_for=("drl", "human"))
    await _claim(api, paul)
    await _review(api, keys[2], both, specialist="drl")

    assert (await api.get("/me", as_=pia))["queue"] == {"pytorch": 2}
    assert (await api.get("/me", as_=paul))["queue"] == {"pytorch": 3}
    assert (await api.get("/me", as_=both))["queue"] == {"drl": 2, "human": 3}
    assert (await api.get("/me"))["queue"] == {}


# --- many agents at once -------------------------------------------------------------------------


async def test_fifty_agents_claim_at_once_and_no_ticket_is_leased_twice(
    api: Api, database: str
) -> None:
    agents = [
        await api.account(f"agent-{n}", "reviewer", speaks_for=("pytorch", "drl"))
        for n in range(10)
    ]
    keys = [(await api.file())["key"] for _ in range(60)]

    async def claim(n: int) -> tuple[str, list[str]]:
        agent, specialist = agents[n % len(agents)], ("pytorch", "drl")[n % 2]
        return specialist, _keys(await _claim(api, agent, specialist=specialist, count=3))

    claims = await asyncio.gather(*(claim(n) for n in range(50)))

    for specialist in ("pytorch", "drl"):
        got = Counter(key for name, leased in claims if name == specialist for key in leased)
        assert max(got.values()) == 1
        left = await _claim(api, "admin", specialist=specialist, count=50)
        assert sorted([*got, *_keys(left)]) == sorted(keys)
    with psycopg.connect(database) as connection:
        held = connection.execute("SELECT count(*) FROM review_leases").fetchone()
    assert held == (120,)


async def test_agents_that_claim_review_and_release_at_once_do_no_work_twice(
    api: Api, database: str
) -> None:
    agents = [
        await api.account(f"agent-{n}", "reviewer", speaks_for=("pytorch",)) for n in range(6)
    ]
    keys = [(await api.file())["key"] for _ in range(24)]

    async def work(agent: str) -> None:
        given_back = False
        while leased := await _claim(api, agent, count=3):
            if not given_back:
                given_back = True
                body = {"keys": _keys(leased)[:1]}
                await api.call("POST", "/review-queue/release", as_=agent, json=body, expect=200)
                leased = leased[1:]
            for key in _keys(leased):
                await _review(api, key, agent)

    await asyncio.gather(*(work(agent) for agent in agents))

    # An agent stops when all that is left is held by others: what they gave back stays.
    for key in await _queue(api):
        await _review(api, key, agents[0])
    with psycopg.connect(database) as connection:
        reviews = connection.execute("SELECT count(*) FROM reviews").fetchone()
        leases = connection.execute("SELECT count(*) FROM review_leases").fetchone()
    assert (reviews, leases) == ((len(keys),), (0,))


async def test_a_ticket_that_just_gets_a_note_is_not_passed_over(
    api: Api, database: str, pia: str
) -> None:
    key = (await api.file())["key"]
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO checklist_items (id, ticket_id, position, text, done) "
            "SELECT gen_random_uuid(), id, 99, 'x', false FROM tickets WHERE key = %s",
            [key],
        )

        assert _keys(await _claim(api, pia)) == [key]


async def test_a_ticket_that_is_just_being_changed_is_passed_over(
    api: Api, database: str, pia: str
) -> None:
    busy, free = (await api.file())["key"], (await api.file())["key"]
    with psycopg.connect(database) as connection:
        connection.execute("SELECT 1 FROM tickets WHERE key = %s FOR UPDATE", [busy])

        assert _keys(await _claim(api, pia, count=2)) == [free]

    assert _keys(await _claim(api, pia, count=2)) == [busy]
