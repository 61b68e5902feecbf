"""Filing, showing, listing and editing tickets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Api, ticket_body

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("key", ["B2-DRL-10", "KAS-7"])  # the suite names the first
async def test_a_filed_ticket_is_shown_with_everything_it_was_filed_with(
    api: Api, key: str
) -> None:
    filed = await api.file(
        key=key,
        categories=["api-contract"],
        locations=[
            {"path": "kasmina/blend_ops.py", "start_line": 59, "end_line": 94},
            {"symbol": "blend_multiply()", "note": "the caller"},
        ],
        sections=[
            {"heading": "Detailed Description", "body": "What is wrong."},
            {"heading": "More", "body": ""},
        ],
        checklist=[{"text": "callers pass it"}, {"text": "tests too"}],
        assignee="ada",
        external_ref="scan-4711",
        domains=["kasmina", "tolaria/training"],
        reports=[{"file": "report.md", "section": "B2-10"}],
        reported_on="2026-01-02",
    )

    shown = await api.get(f"/tickets/{key}")

    assert filed.pop("similar") == []
    assert shown == filed
    assert shown["status"] == "open"
    assert shown["locations"][0]["end_line"] == 94
    assert shown["checklist"][0]["done"] is False
    assert shown["reported_on"] == "2026-01-02"


async def test_keys_are_minted_one_after_the_other(api: Api) -> None:
    keys = [(await api.file(batch=77))["key"] for _ in range(3)]

    assert keys == ["B77-DRL-01", "B77-DRL-02", "B77-DRL-03"]


async def test_an_explicit_key_moves_the_counter_on(api: Api) -> None:
    await api.file(key="B78-DRL-41")

    assert (await api.file(batch=78))["key"] == "B78-DRL-42"


async def test_a_refused_ticket_uses_up_no_key(api: Api) -> None:
    await api.file(batch=79)
    body = ticket_body(batch=79, relations=[{"key": "B1-DRL-999"}])
    await api.call("POST", "/tickets", json=body, expect=422)

    assert (await api.file(batch=79))["key"] == "B79-DRL-02"


async def test_keys_that_the_suite_claims_are_not_minted(api: Api) -> None:
    claimed = {key for test in await _catalogue(api) for key in test["findings"]}

    minted = [(await api.file(batch=2))["key"] for _ in range(12)]

    assert not claimed.intersection(minted)


async def _catalogue(api: Api) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await api.get("/tests?limit=200"))["items"]
    return found


async def test_an_edit_needs_the_etag_it_was_read_with(api: Api) -> None:
    key = (await api.file())["key"]

    missing = await api.call("PATCH", f"/tickets/{key}", json={"title": "x"})
    edited = await api.call(
        "PATCH", f"/tickets/{key}", json={"title": "x"}, headers={"If-Match": '"1"'}
    )
    stale = await api.call(
        "PATCH", f"/tickets/{key}", json={"title": "y"}, headers={"If-Match": '"1"'}
    )

    assert (missing.status_code, missing.json()["etag"]) == (428, '"1"')
    assert (edited.status_code, edited.headers["etag"]) == (200, '"2"')
    assert (stale.status_code, stale.json()["etag"]) == (412, '"2"')


async def test_a_part_with_an_id_is_kept_and_only_what_is_given_changes(api: Api) -> None:
    ticket = await api.file(
        checklist=[{"text": "a"}, {"text": "b"}],
        sections=[{"heading": "h", "body": "b"}],
        locations=[{"path": "x.py", "start_line": 5, "end_line": 9}],
    )
    first, second = (item["id"] for item in ticket["checklist"])
    place, section = ticket["locations"][0]["id"], ticket["sections"][0]["id"]
    path = f"/tickets/{ticket['key']}"
    body = {
        "checklist": [{"id": second}, {"id": first, "done": True}, {"text": "c"}],
        "sections": [{"id": section, "body": "B"}],
        "locations": [{"id": place, "end_line": None, "symbol": "f"}],
    }

    answer = await api.call("PATCH", path, json=body, headers={"If-Match": '"1"'}, expect=200)

    after = answer.json()
    assert [(item["text"], item["done"]) for item in after["checklist"]] == [
        ("b", False),
        ("a", True),
        ("c", False),
    ]
    assert after["sections"] == [{"id": section, "heading": "h", "body": "B"}]
    kept = {"path": "x.py", "start_line": 5, "end_line": None, "symbol": "f", "note": None}
    assert after["locations"] == [{"id": place, **kept}]


@pytest.mark.parametrize(
    ("place", "pointer", "detail"),
    [
        ({"end_line": 2}, "/locations/0", "swap them"),
        ({"start_line": None}, "/locations/0", "needs a start_line"),
        ({"path": None}, "/locations/0", "at least one of path, symbol and note"),
        ({"pth": "y"}, "/locations/0/pth", "known are id, path"),
    ],
)
async def test_a_part_that_would_say_nothing_is_refused(
    api: Api, place: dict[str, Any], pointer: str, detail: str
) -> None:
    ticket = await api.file(locations=[{"path": "x.py", "start_line": 5, "end_line": 9}])
    body = {"locations": [{"id": ticket["locations"][0]["id"], **place}]}

    answer = await api.call(
        "PATCH", f"/tickets/{ticket['key']}", json=body, headers={"If-Match": '"1"'}, expect=422
    )

    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert detail in error["detail"]


async def test_a_list_goes_on_where_the_page_before_ended(api: Api) -> None:
    for _ in range(5):
        await api.file()

    first = await api.get("/tickets?limit=2&count=true")
    second = await api.get(f"/tickets?limit=2&cursor={first['next_cursor']}")
    third = await api.get(f"/tickets?limit=2&cursor={second['next_cursor']}")

    keys = [item["key"] for page in (first, second, third) for item in page["items"]]
    assert len(set(keys)) == 5
    assert (first["total"], first["total_is"]) == (5, "exact")
    assert third["next_cursor"] is None
