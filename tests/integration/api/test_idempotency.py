"""A POST that is sent twice takes effect once, and is answered the same."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.api import Api, ticket_body

pytestmark = pytest.mark.anyio

KEY = "a-key-of-mine"


async def post(
    api: Api, path: str, body: Any, *, key: str = KEY, as_: str = "admin"
) -> httpx.Response:
    return await api.call("POST", path, as_=as_, json=body, headers={"Idempotency-Key": key})


async def tickets(api: Api) -> list[str]:
    return [item["key"] for item in (await api.get("/tickets?limit=200"))["items"]]


async def test_the_same_request_is_answered_the_same_and_done_once(api: Api) -> None:
    body = ticket_body()

    first = await post(api, "/tickets", body)
    again = await post(api, "/tickets", body)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for name in ("location", "etag", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await tickets(api) == [first.json()["key"]]


async def test_another_body_under_the_same_key_is_refused(api: Api) -> None:
    await post(api, "/tickets", ticket_body(title="one"))

    other = await post(api, "/tickets", ticket_body(title="two"))

    assert other.status_code == 422
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert other.json()["errors"][0]["in"] == "header"
    assert len(await tickets(api)) == 1


async def test_another_query_under_the_same_key_is_refused(api: Api) -> None:
    body = ticket_body()
    await post(api, "/tickets", body)

    assert (await post(api, "/tickets?dry_run=true", body)).status_code == 422


async def test_a_key_is_bound_to_account_and_path(api: Api) -> None:
    await api.account("ada", "reporter")
    body = ticket_body()

    mine = (await post(api, "/tickets", body)).json()["key"]
    hers = (await post(api, "/tickets", body, as_="ada")).json()["key"]
    note = await post(api, f"/tickets/{mine}/notes", {"body": "seen"})
    other = await post(api, f"/tickets/{hers}/notes", {"body": "seen"})

    assert mine != hers
    assert (note.status_code, other.status_code) == (201, 201)
    assert note.json()["id"] != other.json()["id"]


async def test_a_refusal_is_not_kept(api: Api) -> None:
    body = ticket_body(relations=[{"key": "B2-DRL-77", "kind": "related"}])
    assert (await post(api, "/tickets", body)).status_code == 422
    await api.file(key="B2-DRL-77")

    assert (await post(api, "/tickets", body)).status_code == 201


@pytest.mark.parametrize("key", ["short", "with a space", "x" * 201])
async def test_an_ill_formed_key_is_refused(api: Api, key: str) -> None:
    answer = await post(api, "/tickets", ticket_body(), key=key)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/Idempotency-Key"
    assert await tickets(api) == []


async def test_making_a_token_refuses_the_header(api: Api, database: str) -> None:
    answer = await post(api, "/accounts/admin/tokens", {})

    assert answer.status_code == 422
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM kept_answers").fetchone() == (0,)


async def test_a_dry_run_is_answered_again_and_leaves_nothing(api: Api) -> None:
    body = ticket_body(batch=5)

    first = await post(api, "/tickets?dry_run=true", body)
    again = await post(api, "/tickets?dry_run=true", body)

    assert (first.status_code, first.content) == (200, again.content)
    assert await tickets(api) == []
    assert (await api.file(batch=5))["key"] == first.json()["key"]


async def test_many_at_once_take_one_effect(api: Api) -> None:
    body = ticket_body()

    async def until_answered() -> tuple[int, httpx.Response]:
        refused = 0
        while True:
            answer = await post(api, "/tickets", body)
            if answer.status_code != 409:
                return refused, answer
            assert answer.json()["type"] == "/problems/request-in-progress"
            assert int(answer.headers["retry-after"]) >= 1
            refused += 1

    answers = await asyncio.gather(*(until_answered() for _ in range(50)))

    assert {answer.status_code for _, answer in answers} == {201}
    assert len({answer.content for _, answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for _, answer in answers) == 1
    assert len(await tickets(api)) == 1


async def test_while_the_first_is_being_answered_the_second_is_told_to_wait(
    api: Api, database: str
) -> None:
    body = ticket_body(batch=4)
    await api.file(batch=4)
    with psycopg.connect(database) as other:
        # The counter of the batch is held, so the first request cannot go on.
        other.execute("SELECT * FROM key_counters WHERE batch = 4 FOR UPDATE")
        first = asyncio.create_task(post(api, "/tickets", body))
        while not await _waiting(database):
            await asyncio.sleep(0)
        second = await post(api, "/tickets", body)
    done = await first

    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    assert done.status_code == 201
    assert (await post(api, "/tickets", body)).content == done.content


async def _waiting(database: str) -> bool:
    async with await psycopg.AsyncConnection.connect(database) as connection:
        row = await (
            await connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        ).fetchone()
    return row is not None and row[0] > 0


FAILS_WHEN_KEEPING = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the power is gone'; END $$;
CREATE TRIGGER fails BEFORE INSERT ON kept_answers EXECUTE FUNCTION fail();
"""
FAILS_AT_COMMIT = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the power is gone'; END $$;
CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON kept_answers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail();
"""
DIES_WHEN_KEEPING = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE TRIGGER fails BEFORE INSERT ON kept_answers EXECUTE FUNCTION fail();
"""


@pytest.mark.parametrize("failure", [FAILS_WHEN_KEEPING, FAILS_AT_COMMIT, DIES_WHEN_KEEPING])
async def test_effect_and_answer_come_true_together_or_not_at_all(
    api: Api, database: str, failure: str
) -> None:
    body = ticket_body(batch=6)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(failure)
        broken = await post(api, "/tickets", body)
        after_failure = await tickets(api)
        connection.execute("DROP TRIGGER fails ON kept_answers; DROP FUNCTION fail()")

    mended = await post(api, "/tickets", body)
    again = await post(api, "/tickets", body)

    assert broken.status_code >= 500
    assert after_failure == []
    assert (mended.status_code, mended.json()["key"]) == (201, "B6-DRL-01")
    assert again.content == mended.content
    assert await tickets(api) == ["B6-DRL-01"]


async def test_after_a_day_a_key_is_free_again_and_old_answers_go(api: Api, database: str) -> None:
    body = ticket_body()
    await post(api, "/tickets", body)
    await post(api, "/tickets", ticket_body(), key="another-key")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE kept_answers SET created_at = now() - interval '25 hours'")

    again = await post(api, "/tickets", body)

    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM kept_answers").fetchone() == (1,)


async def test_every_post_documents_the_header_but_those_that_refuse_it(api: Api) -> None:
    document = (await api.client.get("/api/v1/openapi.json")).json()
    without = set()
    for path, operations in document["paths"].items():
        parameters = operations.get("post", {}).get("parameters", [])
        if "post" in operations and "Idempotency-Key" not in [p["name"] for p in parameters]:
            without.add(path)

    assert without
    assert all(path.endswith(("/tokens", "/login-link")) for path in without), without
