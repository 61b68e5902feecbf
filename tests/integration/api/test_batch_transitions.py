"""The same step for many tickets."""

from __future__ import annotations

from typing import Any

import pytest

from app.schema.tickets import tickets
from tests.support.api import Api

pytestmark = pytest.mark.anyio


async def batch(api: Api, expect: int = 200, *, as_: str = "admin", **body: Any) -> Any:
    answer = await api.call("POST", "/transitions:batch", as_=as_, json=body, expect=expect)
    return answer.json()


async def status(api: Api, key: str) -> str:
    found: str = (await api.get(f"/tickets/{key}"))["status"]
    return found


async def test_a_refused_ticket_stops_none_of_the_others(api: Api) -> None:
    keys = [(await api.file())["key"] for _ in range(3)]
    await batch(api, keys=[keys[1]], to="investigating")

    found = await batch(api, keys=[*keys, "B9-PT-999"], to="investigating")

    assert [(item["key"], item["result"]) for item in found["items"]] == [
        (keys[0], "done"),
        (keys[1], "refused"),
        (keys[2], "done"),
        ("B9-PT-999", "refused"),
    ]
    assert (found["done"], found["refused"]) == (2, 2)
    assert found["items"][0] == {
        "key": keys[0],
        "result": "done",
        "status": "investigating",
        "resolution": None,
        "version": 2,
        "reasons": [],
        "problem": None,
    }
    assert [item["problem"]["type"] for item in found["items"] if item["problem"]] == [
        "/problems/illegal-transition",
        "/problems/not-found",
    ]


async def test_a_closed_gate_names_each_reason(api: Api) -> None:
    key = (await api.file())["key"]

    (item,) = (await batch(api, keys=[key], to="closed", resolution="fixed"))["items"]

    assert [reason.partition(":")[0] for reason in item["reasons"]] == ["evidence", "endorsement"]
    assert item["problem"]["remedy"]


async def test_a_dry_run_tells_and_changes_nothing(api: Api) -> None:
    first, second = [(await api.file())["key"] for _ in range(2)]
    before = [await api.get(f"/tickets/{key}/history") for key in (first, second)]

    found = await batch(
        api,
        keys=[second],
        to="closed",
        resolution="duplicate",
        duplicate_of=first,
        dry_run=True,
    )

    (item,) = found["items"]
    assert (item["result"], item["status"], found["dry_run"]) == ("done", "closed", True)
    assert await status(api, second) == "open"
    assert (await api.get(f"/tickets/{first}"))["relations"] == []
    assert before == [await api.get(f"/tickets/{key}/history") for key in (first, second)]


async def test_a_filter_chooses_the_tickets(api: Api) -> None:
    keys = {(await api.file(batch=71, severity="P4"))["key"] for _ in range(3)}
    other = (await api.file(batch=71, severity="P1"))["key"]

    found = await batch(
        api,
        filter={"batch": [71], "severity": ["P3", "P4"]},
        to="wont-fix",
        reason="we stopped following these",
    )

    assert {item["key"] for item in found["items"]} == keys
    assert {await status(api, key) for key in keys} == {"wont-fix"}
    assert await status(api, other) == "open"


async def test_each_ticket_is_judged_by_the_role_it_asks_for(api: Api) -> None:
    await api.account("ada", "reporter")
    own = (await api.file(as_="ada"))["key"]
    other = (await api.file())["key"]

    found = await batch(api, as_="ada", keys=[own, other], to="investigating")

    assert [item["result"] for item in found["items"]] == ["done", "refused"]
    assert found["items"][1]["problem"]["needs"] == "reviewer"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"keys": ["B1-DRL-01"], "filter": {"batch": [1]}}, ""),
        ({"keys": []}, "/keys"),
        ({"keys": ["B1-DRL-01"] * 501}, "/keys"),
        ({"keys": ["what"]}, "/keys/0"),
        ({"filter": {}}, "/filter"),
        ({"filter": {"severity": []}}, "/filter"),
        ({"filter": {"severitty": ["P1"]}}, "/filter/severitty"),
        ({"keys": ["B1-DRL-01"], "dryrun": True}, "/dryrun"),
    ],
)
async def test_a_body_that_does_not_fit_names_the_field(
    api: Api, body: dict[str, Any], pointer: str
) -> None:
    problem = await batch(api, 422, to="investigating", **body)

    assert problem["errors"][0]["pointer"] == pointer


async def test_a_filter_that_matches_too_many_moves_none(api: Api) -> None:
    async with api.factory.engine.begin() as connection:
        admin = (await api.factory.accounts.authenticate(api.tokens["admin"], None)).account.id
        await connection.execute(
            tickets.insert(),
            [
                {
                    "key": f"B72-DRL-{n}",
                    "sort_key": f"B72-DRL-{n}",
                    "title": "one of many",
                    "severity": "P4",
                    "batch": 72,
                    "agent": "drl",
                    "summary": "one of many",
                    "created_by": admin,
                }
                for n in range(501)
            ],
        )

    problem = await batch(api, 422, filter={"batch": [72]}, to="investigating")

    assert problem["errors"][0]["pointer"] == "/filter"
    assert await status(api, "B72-DRL-0") == "open"
