"""Recording cross-reviews, and what a ticket shows of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.api import Api, running_api
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared) as found:
        await found.account("dora", "reviewer", speaks_for=("drl",))
        await found.account("max", "reviewer", speaks_for=("pytorch", "codereview"))
        await found.account("mina", "maintainer")
        yield found


async def _review(api: Api, key: str, as_: str, **fields: Any) -> dict[str, Any]:
    body = {"verdict": "ENDORSE", **fields}
    answer = await api.call("POST", f"/tickets/{key}/reviews", as_=as_, json=body, expect=201)
    found: dict[str, Any] = answer.json()
    return found


async def _edit(api: Api, key: str, **fields: Any) -> None:
    etag = (await api.call("GET", f"/tickets/{key}", expect=200)).headers["etag"]
    await api.call("PATCH", f"/tickets/{key}", json=fields, headers={"If-Match": etag}, expect=200)


async def test_a_review_holds_all_that_was_said(api: Api) -> None:
    key = (await api.file())["key"]
    said = {
        "specialist": "pytorch",
        "verdict": "REFINE",
        "rationale": "Right, but **rarer** than said.",
        "claim": "partly",
        "fix": "other",
        "proposed_severity": "P4",
        "amendment": {"severity": "P4"},
        "evidence": [
            {"kind": "code", "path": "kasmina/blend_ops.py", "start_line": 3, "end_line": 9},
            {"kind": "output", "command": "pytest -q", "text": "1 failed"},
            {"kind": "link", "url": "https://pytorch.org/docs"},
        ],
        "provenance": {"model": "m", "prompt_version": "3", "tool": "t"},
    }

    recorded = await _review(api, key, "max", **said)

    assert {name: recorded[name] for name in said} == said
    assert (recorded["author"], recorded["on_behalf"]) == ("max", False)
    assert (recorded["outdated"], recorded["superseded_by"], recorded["ticket_version"]) == (
        False,
        None,
        1,
    )
    assert (await api.get(f"/tickets/{key}"))["reviews"] == [recorded]


async def test_an_account_of_one_specialist_need_not_name_it(api: Api) -> None:
    key = (await api.file())["key"]

    assert (await _review(api, key, "dora"))["specialist"] == "drl"


async def test_an_account_of_several_specialists_is_asked_which(api: Api) -> None:
    key = (await api.file())["key"]

    answer = await api.call(
        "POST", f"/tickets/{key}/reviews", as_="max", json={"verdict": "ENDORSE"}, expect=422
    )

    (error,) = answer.json()["errors"]
    assert error["allowed"] == ["codereview", "pytorch"]


async def test_a_maintainer_speaks_for_any_and_it_is_recorded(api: Api) -> None:
    key = (await api.file())["key"]

    review = await _review(api, key, "mina", specialist="human")

    assert (review["author"], review["on_behalf"]) == ("mina", True)


async def test_a_later_review_of_the_same_specialist_supersedes(api: Api) -> None:
    key = (await api.file())["key"]
    first = await _review(api, key, "dora", verdict="OBJECT", rationale="It is meant so.")
    other = await _review(api, key, "max", specialist="pytorch")
    second = await _review(api, key, "dora", verdict="NEUTRAL")

    current = (await api.get(f"/tickets/{key}/reviews"))["items"]
    every = (await api.get(f"/tickets/{key}/reviews?all=true"))["items"]

    assert [review["id"] for review in current] == [other["id"], second["id"]]
    assert [review["id"] for review in every] == [first["id"], other["id"], second["id"]]
    assert every[0]["superseded_by"] == second["id"]


async def test_the_consensus_counts_current_reviews(api: Api) -> None:
    key = (await api.file())["key"]
    await _review(api, key, "dora", verdict="OBJECT", rationale="No.", claim="false")
    await _review(api, key, "max", specialist="pytorch", claim="true")
    await _review(api, key, "max", specialist="codereview", verdict="NEUTRAL")

    assert (await api.get(f"/tickets/{key}"))["consensus"] == {
        "ENDORSE": 1,
        "NEUTRAL": 1,
        "REFINE": 0,
        "OBJECT": 1,
        "outdated": 0,
        "open_objections": 1,
        "claim": {"true": 1, "partly": 0, "false": 1},
        "missing": ["human"],
    }
    (listed,) = (await api.get("/tickets?verdict=OBJECT&sort=-created&limit=1"))["items"]
    assert listed["key"] == key
    assert (listed["consensus"]["OBJECT"], listed["consensus"]["open_objections"]) == (1, 1)


@pytest.mark.parametrize(
    ("edit", "outdated"),
    [
        ({"title": "another"}, True),
        ({"severity": "P0"}, True),
        ({"summary": "another"}, True),
        ({"domains": ["tolaria"]}, True),
        ({"sections": [{"heading": "What's Wrong", "body": "x"}]}, True),
        ({"sections": [{"heading": "Appendix", "body": "x"}]}, False),
        ({"sections": [{"heading": "Resolution", "body": "x"}]}, False),
        ({"sections": [{"heading": "Closure Notes", "body": "x"}]}, False),
        ({"sections": [{"heading": "Investigation Notes", "body": "x"}]}, False),
        ({"assignee": "ada"}, False),
        ({"categories": ["dead-code"]}, False),
        ({"locations": [{"path": "kasmina/slot.py"}]}, False),
        ({"checklist": [{"text": "one more"}]}, False),
        ({"reported_on": "2026-01-02"}, False),
    ],
)
async def test_a_review_is_outdated_when_the_content_changes(
    api: Api, edit: dict[str, Any], outdated: bool
) -> None:
    key = (await api.file())["key"]
    await _review(api, key, "dora")

    await _edit(api, key, **edit)

    ticket = await api.get(f"/tickets/{key}")
    assert ticket["reviews"][0]["outdated"] is outdated
    assert (ticket["consensus"]["ENDORSE"], ticket["consensus"]["outdated"]) == (
        (0, 1) if outdated else (1, 0)
    )


async def test_a_review_of_an_older_version_is_kept_and_marked(api: Api) -> None:
    key = (await api.file())["key"]
    await _edit(api, key, assignee="ada")
    assert (await _review(api, key, "dora", ticket_version=1))["outdated"] is False

    await _edit(api, key, summary="Another claim.")

    assert (await _review(api, key, "dora", ticket_version=2))["outdated"] is True
    assert (await _review(api, key, "dora", ticket_version=3))["outdated"] is False


async def test_a_review_leaves_the_document_as_it_is(api: Api) -> None:
    filed = await api.file()

    await _review(api, filed["key"], "dora")

    shown = await api.get(f"/tickets/{filed['key']}")
    assert (shown["version"], shown["updated_at"]) == (filed["version"], filed["updated_at"])


async def test_reviews_are_listed_page_by_page(api: Api) -> None:
    key = (await api.file())["key"]
    for name in ("drl", "pytorch", "codereview"):
        await _review(api, key, "mina", specialist=name)

    first = await api.call("GET", f"/tickets/{key}/reviews?limit=2", expect=200)
    second = await api.call("GET", first.headers["link"].partition(">")[0].lstrip("<")[7:])

    names = [review["specialist"] for page in (first, second) for review in page.json()["items"]]
    assert names == ["drl", "pytorch", "codereview"]
    assert "link" not in second.headers


async def test_history_tells_who_recorded_which_verdict(api: Api) -> None:
    key = (await api.file())["key"]
    await _review(api, key, "dora", verdict="NEUTRAL")

    event = (await api.get(f"/tickets/{key}/history"))["items"][-1]

    assert (event["actor"], event["action"]) == ("dora", "review.recorded")
    assert event["changes"] == {"specialist": [None, "drl"], "verdict": [None, "NEUTRAL"]}
