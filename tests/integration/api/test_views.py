"""Saved views: one's own, those that are shared, and who may change them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.pages import said_by, visiting

pytestmark = pytest.mark.anyio

GRAVE: dict[str, Any] = {
    "name": "grave and open",
    "filters": {"severity": ["P0", "P1"], "status": ["open"], "stale": True, "batch": [7]},
    "sort": "severity",
}


async def test_a_view_is_saved_changed_and_deleted(api: Api) -> None:
    answer = await api.call("POST", "/views", json=GRAVE, expect=201)
    view = answer.json()
    again = await api.call("POST", "/views", json=GRAVE)
    path = answer.headers["location"].removeprefix("/api/v1")
    renamed = await api.call("PATCH", path, json={"name": "grave"}, expect=200)
    refilled = await api.call("PATCH", path, json={"filters": {"q": "gate"}}, expect=200)
    listed = await api.get("/views")
    await api.call("DELETE", path, expect=204)
    gone = await api.call("GET", path)

    assert {name: view[name] for name in GRAVE} == GRAVE
    assert (view["owner"], view["shared"]) == ("admin", False)
    query = "batch=7&severity=P0&severity=P1&stale=true&status=open&sort=severity"
    assert view["query"] == query
    assert again.status_code == 409
    assert renamed.json() == {**view, "name": "grave", "updated_at": renamed.json()["updated_at"]}
    assert (refilled.json()["filters"], refilled.json()["name"]) == ({"q": "gate"}, "grave")
    assert [one["id"] for one in listed["items"]] == [view["id"]]
    assert gone.status_code == 404


async def test_the_query_of_a_view_gives_its_list(api: Api) -> None:
    (await api.file(severity="P1", batch=7))
    await api.file(severity="P3", batch=7)
    body = {"name": "grave", "filters": {"severity": ["P1"]}}
    view = (await api.call("POST", "/views", json=body, expect=201)).json()

    found = await api.get(f"/tickets?{view['query']}")

    assert [ticket["severity"] for ticket in found["items"]] == ["P1"]


async def test_a_view_is_its_owners_until_it_is_shared(api: Api) -> None:
    await api.account("ada", "reporter")
    await api.account("rita", "reader")
    own = (await api.call("POST", "/views", as_="ada", json=GRAVE, expect=201)).json()
    path = f"/views/{own['id']}"

    hidden = [await api.call("GET", path, as_=who) for who in ("rita", "admin")]
    await api.call("PATCH", path, as_="ada", json={"shared": True}, expect=200)
    seen = await api.call("GET", path, as_="rita", expect=200)
    refused = [
        await api.call("PATCH", path, as_="rita", json={"name": "mine"}),
        await api.call("DELETE", path, as_="rita"),
        await api.call("POST", "/views", as_="rita", json={"name": "x", "shared": True}),
    ]
    await api.call("DELETE", path, expect=204)  # a maintainer may, of a shared one

    assert {answer.status_code for answer in hidden} == {404}
    assert seen.json()["owner"] == "ada"
    assert {answer.status_code for answer in refused} == {403}
    assert refused[2].json()["needs"] == "reporter"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"filters": {"severity": ["P9"]}, "name": "x"}, "/filters/severity/0"),
        ({"filters": {"colour": ["red"]}, "name": "x"}, "/filters/colour"),
        ({"name": "x", "sort": "colour"}, "/sort"),
        ({"name": " "}, "/name"),
        ({"filters": {}}, "/name"),
    ],
)
async def test_what_no_list_takes_is_refused(api: Api, body: Any, pointer: str) -> None:
    answer = await api.call("POST", "/views", json=body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_a_list_is_saved_from_its_page(api: Api) -> None:
    key = (await api.file(severity="P1"))["key"]
    await api.file(severity="P3")

    async with visiting(api) as visitor:
        form = {"name": "grave <b>", "query": "severity=P1&stale=false&sort=key", "shared": "true"}
        saved = await visitor.send("/views", form)
        html = await visitor.see(saved.headers["location"])
        page = await visitor.see("/views")
        (view,) = (await api.get("/views"))["items"]
        await visitor.send(f"/views/{view['id']}", {"name": "grave"})
        (changed,) = (await api.get("/views"))["items"]
        await visitor.send(f"/views/{view['id']}/delete", {})

    assert (saved.headers["location"], said_by(saved)) == (
        f"/tickets?{view['query']}",
        "view-saved",
    )
    assert "★ grave &lt;b&gt;" in html
    assert key in html
    assert "grave &lt;b&gt;" in page
    assert (view["filters"], view["sort"]) == ({"severity": ["P1"], "stale": False}, "key")
    assert (changed["name"], changed["shared"]) == ("grave", False)
    assert (await api.get("/views"))["items"] == []
