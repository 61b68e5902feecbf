"""What happens to tickets, in an order in which a reader who comes back misses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.audit import parse_event_id
from tests.support.api import Api
from tests.support.service import Service

pytestmark = pytest.mark.anyio

EVENT = "INSERT INTO audit_events (ticket_id, action) VALUES (%s, %s)"


async def changes(api: Api, since: str, **options: Any) -> tuple[list[str], str]:
    """The actions behind `since`, read page by page, and where to go on."""
    found: list[str] = []
    while True:
        page = await api.get("/changes", params={"since": since, **options})
        found += [item["action"] for item in page["items"]]
        since = page["last"]
        if page["next_cursor"] is None:
            return found, since


async def now(api: Api) -> str:
    last: str = (await api.get("/changes?since=now"))["last"]
    return last


def ticket_id(connection: psycopg.Connection[Any], key: str) -> int:
    row = connection.execute("SELECT id FROM tickets WHERE key = %s", [key]).fetchone()
    assert row is not None
    connection.rollback()
    return int(row[0])


async def test_changes_and_history_tell_the_same(api: Api) -> None:
    key = (await api.file(title="first"))["key"]
    await api.call(
        "PATCH", f"/tickets/{key}", json={"title": "second"}, headers={"If-Match": '"1"'}
    )
    await api.call("POST", "/accounts", json={"name": "ada", "role": "reader"}, expect=201)

    page = await api.get("/changes", as_="admin")
    history = await api.get(f"/tickets/{key}/history")

    assert page["items"] == history["items"]
    assert [item["action"] for item in page["items"]] == ["ticket.filed", "ticket.edited"]
    edited = page["items"][1]
    assert (edited["ticket"], edited["actor"]) == (key, "admin")
    assert edited["changes"] == {"title": ["first", "second"]}
    assert page["last"] == edited["id"]
    assert page["next_cursor"] is None


async def test_pages_go_on_behind_an_id_or_a_cursor(api: Api) -> None:
    start = await now(api)
    keys = [(await api.file())["key"] for _ in range(5)]

    first = await api.get(f"/changes?since={start}&limit=2")
    by_cursor = await api.get(f"/changes?since={start}&limit=2&cursor={first['next_cursor']}")
    by_id = await api.get(f"/changes?since={first['last']}&limit=2")
    rest = await api.get(f"/changes?since={by_id['last']}&limit=2")
    none = await api.get(f"/changes?since={rest['last']}&limit=2")

    assert by_cursor["items"] == by_id["items"]
    pages = [first, by_id, rest]
    assert [item["ticket"] for page in pages for item in page["items"]] == keys
    assert rest["next_cursor"] is None
    assert (none["items"], none["last"]) == ([], rest["last"])


async def test_nothing_is_missed_while_transactions_overlap(api: Api, database: str) -> None:
    start = await now(api)
    key = (await api.file())["key"]
    with psycopg.connect(database) as early, psycopg.connect(database) as late:
        number = ticket_id(early, key)
        early.execute(EVENT, [number, "early.first"])  # takes the smaller transaction number
        late.execute(EVENT, [number, "late"])
        late.commit()
        while_early_runs, position = await changes(api, start)
        early.execute(EVENT, [number, "early.second"])
        early.commit()
        after_both, _ = await changes(api, position)

    assert while_early_runs == ["ticket.filed"]
    assert after_both == ["early.first", "early.second", "late"]


async def test_interleaved_writers_and_a_reader_who_comes_back_each_time(
    api: Api, database: str
) -> None:
    start = position = await now(api)
    key = (await api.file())["key"]
    seen: list[str] = []
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(psycopg.connect(database)) for _ in range(4)]
        number = ticket_id(writers[0], key)
        # Writer n writes at step n, n+1, …, and commits at a step of its own, late ones first.
        for step in range(12):
            writer = writers[step % 4]
            writer.execute(EVENT, [number, f"step {step}"])
            if step in (3, 6, 9):
                writers[{3: 3, 6: 1, 9: 2}[step]].commit()
            found, position = await changes(api, position)
            seen += found
        for writer in reversed(writers):
            writer.commit()
            found, position = await changes(api, position)
            seen += found

    everything, _ = await changes(api, start)
    assert seen == everything
    assert sorted(seen) == sorted(["ticket.filed", *(f"step {n}" for n in range(12))])


async def test_a_transaction_that_rolls_back_leaves_no_gap(api: Api, database: str) -> None:
    start = await now(api)
    key = (await api.file())["key"]
    with psycopg.connect(database) as given_up:
        given_up.execute(EVENT, [ticket_id(given_up, key), "never"])
        await api.file()
        given_up.rollback()

    assert (await changes(api, start))[0] == ["ticket.filed", "ticket.filed"]


async def test_mine_are_tickets_filed_by_assigned_to_or_reviewed_by_me(api: Api) -> None:
    ada = await api.account("ada", "reviewer", speaks_for=("drl",))
    start = await now(api)
    filed = (await api.file(as_=ada))["key"]
    assigned = (await api.file(assignee="ada"))["key"]
    reviewed = (await api.file())["key"]
    await api.file()
    review = {"verdict": "ENDORSE", "rationale": ""}
    await api.call("POST", f"/tickets/{reviewed}/reviews", as_=ada, json=review, expect=201)

    page = await api.get(f"/changes?since={start}&mine=true", as_=ada)
    one = await api.get(f"/changes?since={start}&mine=true&limit=1", as_=ada)
    admins = await api.get(f"/changes?since={start}&mine=true")

    tickets = [item["ticket"] for item in page["items"]]
    assert tickets == [filed, assigned, reviewed, reviewed]
    assert [item["ticket"] for item in one["items"]] == [filed]
    assert one["last"] == one["items"][0]["id"]
    assert filed not in [item["ticket"] for item in admins["items"]]
    # What is behind the last of mine has been looked at, and is not looked at again.
    assert page["last"] >= page["items"][-1]["id"]
    assert (await api.get(f"/changes?since={page['last']}&mine=true", as_=ada))["items"] == []


@pytest.mark.parametrize(
    "since",
    ["x", "1", "1-", "-1", "1-2-3", "99999999999999999999-1", "1-9999999999999999999", "١-١"],
)
async def test_an_id_that_is_none_is_refused(api: Api, since: str) -> None:
    page = await api.call("GET", "/changes", params={"since": since})
    stream = await api.call("GET", "/events", params={"since": since})

    assert (page.status_code, stream.status_code) == (422, 422)
    assert page.json()["errors"][0]["pointer"] == "/since"


@contextlib.asynccontextmanager
async def listening(
    service: Service, query: str = "", last_seen: str | None = None, token: str | None = None
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The stream of a service, from the moment it is open."""
    headers = {"Authorization": f"Bearer {token or service.admin_token}"}
    if last_seen is not None:
        headers["Last-Event-ID"] = last_seen
    url = f"{service.url}/api/v1/events{query}"
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == ": open"
        yield events(lines)


async def events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if line and name:
            fields[name] = value
        elif "data" in fields:
            data = json.loads(fields["data"])
            assert (fields["id"], fields["event"]) == (data["id"], "change")
            yield data
            fields = {}


async def file_in(service: Service) -> str:
    body = {"title": "t", "severity": "P3", "batch": 9, "agent": "drl", "summary": "s"}
    with service.client() as client:
        answer = client.post("/tickets", json=body)
    key: str = answer.json()["key"]
    return key


async def test_a_follower_is_told_at_once_and_misses_nothing_between_two_visits(
    service: Service,
) -> None:
    async with listening(service) as stream:
        first = await file_in(service)
        told = await asyncio.wait_for(anext(stream), 30)
    missed = await file_in(service)
    async with listening(service, last_seen=told["id"]) as stream:
        told_later = await asyncio.wait_for(anext(stream), 30)

    assert (told["ticket"], told["action"]) == (first, "ticket.filed")
    assert told_later["ticket"] == missed


async def test_a_blind_follower_is_not_told_of_others_verdicts(service: Service) -> None:
    with service.client() as client:
        account = {"name": "eve", "role": "reviewer", "speaks_for": ["pytorch"], "blind": True}
        assert client.post("/accounts", json=account).status_code == 201
        token = client.post("/accounts/eve/tokens", json={}).json()["token"]
    key = await file_in(service)
    async with listening(service, token=token) as stream:
        with service.client() as client:
            review = {"specialist": "drl", "verdict": "ENDORSE", "rationale": ""}
            client.post(f"/tickets/{key}/reviews", json=review)
            client.post(f"/tickets/{key}/notes", json={"body": "after it"})
        told = await asyncio.wait_for(anext(stream), 30)

    assert (told["ticket"], told["action"]) == (key, "note.added")


async def test_what_an_older_transaction_held_back_comes_when_it_ends(
    api: Api, database: str
) -> None:
    key = (await api.file())["key"]
    start = await now(api)
    after = parse_event_id(start)
    stream = api.factory.changes.follow(after, mine=None)
    with psycopg.connect(database) as early, psycopg.connect(database) as late:
        number = ticket_id(early, key)
        # Only a number is taken: the transaction ends without writing, so nothing rings.
        early.execute("SELECT pg_current_xact_id()")
        late.execute(EVENT, [number, "late"])
        late.commit()
        waiting = asyncio.ensure_future(anext(stream))
        while api.factory.notifier.waiting == 0:
            await asyncio.sleep(0)
        early.rollback()
        told = await asyncio.wait_for(waiting, 30)
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator

    assert told is not None
    assert told.action == "late"
    assert api.factory.notifier.waiting == 0


async def test_the_stream_ends_when_its_reader_goes(service: Service) -> None:
    for _ in range(3):
        async with listening(service) as stream:
            await file_in(service)
            await asyncio.wait_for(anext(stream), 30)
    with service.client() as client:
        assert client.get("/me").status_code == 200
