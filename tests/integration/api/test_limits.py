"""No account takes more than its share, and none suffers from one that tries."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.api import Api, running_api

pytestmark = pytest.mark.anyio

NODE_ID = "tests/verification/test_b2_drl_10.py"


@pytest.fixture
async def tight(database: str) -> AsyncIterator[Api]:
    """An installation with small limits."""
    async with running_api(
        database, requests_per_minute=120, queued_runs_per_account=2, housekeeping_every_s=1
    ) as api:
        yield api


async def test_a_greedy_account_is_held_back_and_the_others_are_not(tight: Api) -> None:
    await tight.account("greedy", "reader")
    await tight.account("modest", "reader")

    statuses = [
        (await tight.call("GET", "/specialists", as_="greedy")).status_code for _ in range(40)
    ]
    refused = await tight.call("GET", "/specialists", as_="greedy")

    # At 120 a minute some may have come back meanwhile; never all that were asked for.
    assert statuses[:20] == [200] * 20
    assert 429 in statuses
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["type"] == "/problems/too-many-requests"
    assert "greedy sends more than 120 requests a minute" in refused.json()["detail"]
    assert "r=0" in refused.headers["RateLimit"]
    for _ in range(10):
        await tight.get("/specialists", as_="modest")


async def test_an_account_queues_so_many_runs_and_no_more(tight: Api) -> None:
    await tight.account("busy", "reviewer", speaks_for=("drl",))
    key = (await tight.file())["key"]
    path = f"/tickets/{key}"
    await tight.call("POST", f"{path}/tests", json={"node_id": NODE_ID}, expect=201)
    runs = [
        await tight.call("POST", f"{path}/runs", as_="busy", json={"kind": "check"}, expect=202)
        for _ in range(2)
    ]

    refused = await tight.call("POST", f"{path}/runs", as_="busy", json={"kind": "check"})

    assert refused.status_code == 429
    assert "Retry-After" in refused.headers
    assert "2 runs that busy asked for wait already" in refused.json()["detail"]
    (remedy,) = refused.json()["remedy"]
    waiting = await tight.get(remedy["path"].removeprefix("/api/v1"), as_="busy")
    assert {run["id"] for run in waiting["items"]} == {run.json()["id"] for run in runs}
    await tight.call("POST", f"{path}/runs", json={"kind": "check"}, expect=202)
    await tight.call("POST", f"/runs/{runs[0].json()['id']}/cancel", as_="busy", expect=200)
    await tight.call("POST", f"{path}/runs", as_="busy", json={"kind": "check"}, expect=202)
