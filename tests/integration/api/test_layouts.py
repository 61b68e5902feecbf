"""Documents of other projects in, and out again as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.formats.layouts import shipped, to_toml
from tests.support.api import Api

pytestmark = pytest.mark.anyio

DOCUMENTS = Path(__file__).parents[2] / "support" / "layouts"


async def take(api: Api, name: str, query: str = "", *, expect: int = 200) -> dict[str, Any]:
    answer = await api.call(
        "POST",
        f"/imports{query}",
        content=(DOCUMENTS / f"{name}.md").read_bytes(),
        headers={"Content-Type": "text/markdown", "X-Source-Path": f"theirs/{name}.md"},
        expect=expect,
    )
    found: dict[str, Any] = answer.json()
    return found


async def test_a_document_comes_in_and_goes_out_as_it_was(api: Api) -> None:
    for name in shipped():
        (item,) = (await take(api, name, f"?layout={name}"))["items"]
        (again,) = (await take(api, name, f"?layout={name}"))["items"]

        assert (item["result"], again["result"]) == ("created", "unchanged")
        exported = await api.call("GET", f"/tickets/{item['key']}.md", expect=200)
        assert exported.content == (DOCUMENTS / f"{name}.md").read_bytes()
        worded = await api.get(f"/tickets/{item['key']}/document")
        assert (worded["id"], worded["source_path"]) == (item["key"], f"theirs/{name}.md")


async def test_after_an_edit_only_its_lines_differ_and_can_come_back(api: Api) -> None:
    name = "numbered-sections"
    (item,) = (await take(api, name, f"?layout={name}"))["items"]
    path = f"/tickets/{item['key']}"
    ticket = await api.call("GET", path)
    etag = {"If-Match": ticket.headers["ETag"]}
    await api.call("PATCH", path, json={"severity": "P0"}, headers=etag, expect=200)

    exported = (await api.call("GET", f"{path}.md", expect=200)).text

    before = (DOCUMENTS / f"{name}.md").read_text()
    assert exported == before.replace("P2 - MEDIUM", "P0")
    answer = await api.call(
        "POST",
        f"/imports?layout={name}&on_conflict=update",
        content=exported.replace("turns the other way", "stops").encode(),
        headers={"Content-Type": "text/markdown", "X-Source-Path": f"theirs/{name}.md"},
        expect=200,
    )
    (back,) = answer.json()["items"]
    assert set(back["changes"]) == {"summary", "document"}
    assert (await api.get(path))["severity"] == "P0"


async def test_a_plain_import_names_the_nearest_layout(api: Api) -> None:
    (item,) = (await take(api, "title-table"))["items"]

    assert item["result"] == "rejected"
    for told in ("## Ticket Metadata", "GET /api/v1/template", "layout=title-table"):
        assert told in item["reason"]


async def test_a_guess_shows_what_it_reads_and_stores_nothing(api: Api) -> None:
    found = await take(api, "front-matter", "?layout=guess")

    (item,) = found["items"]
    assert item["changes"]["severity"] == [None, "P2"]
    assert item["changes"]["domains"] == [None, ["tank", "gauge"]]
    assert found["layout"] == to_toml(shipped()["front-matter"])
    await api.call("GET", "/tickets/TNK-7", expect=404)

    (taken,) = (await take(api, "front-matter", f"?layout={quote(found['layout'])}"))["items"]
    assert taken["result"] == "created"


async def test_a_layout_that_is_none_is_refused(api: Api) -> None:
    for layout, reason in (("nope", "is no layout"), ("a = b", "no TOML"), ("x='1'", "may say")):
        found = await take(api, "front-matter", f"?layout={quote(layout)}", expect=422)
        assert reason in found["errors"][0]["detail"]
    answer = await api.call(
        "POST",
        "/imports?layout=guess",
        content=b"# A poem",
        headers={"Content-Type": "text/markdown"},
        expect=422,
    )
    assert "no layout reads" in answer.json()["errors"][0]["detail"]
