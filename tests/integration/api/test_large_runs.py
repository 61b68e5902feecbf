"""Runs of thousands of tests: what one answer holds has a bound, and pages give all of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.database import libpq_url
from app.domain.outputs import MOST_SHOWN
from tests.support.api import Api, running_api
from tests.support.pages import visiting
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

NODE_ID = "tests/verification/test_b2_drl_10.py"
TESTS = 3000
"""On each of two arms; of them those below fail."""
FAILING = (7, TESTS - 1)
PRINTED = "x" * 20_000


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared) as found:
        yield found


def result(n: int, *, failing: bool = False, **more: Any) -> dict[str, Any]:
    outcome = "failed" if failing else "passed"
    return {"node_id": f"{NODE_ID}::test_x[{n}]", "outcome": outcome, "phase": "call", **more}


@dataclass
class Ended:
    """Stores runs as if a worker had ended them."""

    api: Api
    database: str

    async def run(self, arms: dict[str, list[dict[str, Any]]], *, days_ago: int = 0) -> UUID:
        key = (await self.api.file())["key"]
        link = {"node_id": NODE_ID}
        await self.api.call("POST", f"/tickets/{key}/tests", json=link, expect=201)
        answer = await self.api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"})
        run = UUID(answer.json()["id"])
        with psycopg.connect(libpq_url(self.database)) as connection:
            connection.execute(
                "UPDATE runs SET status = 'finished', outcome = 'failed', started_at = now(),"
                " finished_at = now() - make_interval(days => %s) WHERE id = %s",
                [days_ago, run],
            )
            for position, (name, results) in enumerate(arms.items()):
                connection.execute(
                    "INSERT INTO run_arms (run_id, position, name, package_digest, results)"
                    " VALUES (%s, %s, %s, 'd', %s)",
                    [run, position, name, json.dumps(results)],
                )
        return run

    async def pages(self, run: UUID, query: str = "") -> list[list[dict[str, Any]]]:
        found, cursor = [], ""
        while True:
            page = await self.api.get(f"/runs/{run}/results?limit=200{query}{cursor}")
            found.append(page["items"])
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"


@pytest.fixture
def ended(api: Api, module_database: str) -> Ended:
    return Ended(api, module_database)


@pytest.fixture
async def large(ended: Ended) -> UUID:
    """A run whose arms have the same thousands of results."""
    results = [result(n, failing=n in FAILING) for n in range(TESTS)]
    return await ended.run({"before": results, "after": results})


async def test_a_run_of_thousands_shows_what_did_not_pass_and_the_first(
    api: Api, large: UUID
) -> None:
    arms = (await api.get(f"/runs/{large}"))["arms"]

    assert [arm["results_total"] for arm in arms] == [TESTS, TESTS]
    for arm in arms:
        ids = [found["node_id"] for found in arm["results"]]
        most = MOST_SHOWN // 2
        first = [n for n in range(most - 1) if n not in FAILING]
        assert ids == [f"{NODE_ID}::test_x[{n}]" for n in sorted({*first, *FAILING})]
        assert len(ids) == most


async def test_pages_give_all_of_them_once_and_in_order(ended: Ended, large: UUID) -> None:
    pages = await ended.pages(large)

    found = [(one["arm"], one["node_id"]) for page in pages for one in page]
    ids = [result(n)["node_id"] for n in range(TESTS)]
    assert found == [(arm, node_id) for arm in ("before", "after") for node_id in ids]
    assert {len(page) for page in pages} == {200}


async def test_pages_are_narrowed_by_arm_and_outcome(ended: Ended, large: UUID) -> None:
    (page,) = await ended.pages(large, "&arm=after&outcome=failed")

    assert [(one["arm"], one["node_id"]) for one in page] == [
        ("after", result(n)["node_id"]) for n in FAILING
    ]


async def test_long_texts_make_a_page_short_and_lose_none(ended: Ended) -> None:
    run = await ended.run({"bundled": [result(n, stdout=PRINTED) for n in range(120)]})

    pages = await ended.pages(run)

    assert [one["node_id"] for page in pages for one in page] == [
        result(n)["node_id"] for n in range(120)
    ]
    assert all(1 < len(page) < 60 for page in pages)


async def test_an_answer_holds_a_few_megabytes_of_what_was_printed(ended: Ended, api: Api) -> None:
    run = await ended.run({"bundled": [result(n, stdout=PRINTED) for n in range(500)]})

    (arm,) = (await api.get(f"/runs/{run}"))["arms"]

    assert arm["results_total"] == 500
    assert 100 < len(arm["results"]) < 250


async def test_an_ordinary_run_is_shown_whole(ended: Ended, api: Api) -> None:
    run = await ended.run({"bundled": [result(n) for n in range(900)]})

    (arm,) = (await api.get(f"/runs/{run}"))["arms"]

    assert len(arm["results"]) == arm["results_total"] == 900
    assert (await ended.pages(run))[-1][-1] == {"arm": "bundled", **arm["results"][-1]}


async def test_junit_has_all_of_them(api: Api, large: UUID) -> None:
    report = (await api.call("GET", f"/runs/{large}/junit.xml")).text

    assert report.count("<testcase ") == 2 * TESTS


async def test_the_page_of_such_a_run_says_how_many_are_left_out(api: Api, large: UUID) -> None:
    async with visiting(api) as visitor:
        page = await visitor.see(f"/runs/{large}")

    assert f"{2 * TESTS - MOST_SHOWN} more results" in page
    assert "the rest holds" not in page
    assert len(page) < 300_000


async def test_a_run_that_goes_on_has_no_results_and_an_unknown_one_is_not_found(
    api: Api,
) -> None:
    key = (await api.file())["key"]
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": NODE_ID}, expect=201)
    answer = await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)

    assert (await api.get(f"/runs/{answer.json()['id']}/results"))["items"] == []
    await api.call("GET", f"/runs/{UUID(int=0)}/results", expect=404)
