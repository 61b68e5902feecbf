"""A field that is declared once is in every face: filed, edited, shown, documented, exported."""

from __future__ import annotations

import pytest

from app.domain.document import LINES
from tests.support.api import Api
from tests.support.pages import visiting

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", LINES)
async def test_a_line_of_the_document_goes_round(api: Api, name: str) -> None:
    key = (await api.file(**{name: "Core"}))["key"]
    edit = {"json": {name: "Infra"}, "headers": {"If-Match": '"1"'}}
    edited = await api.call("PATCH", f"/tickets/{key}", expect=200, **edit)
    document = (await api.call("GET", f"/tickets/{key}.md", expect=200)).text
    async with visiting(api) as visitor:
        shown = await visitor.see(f"/tickets/{key}")
        forms = [await visitor.see(path) for path in ("/file", f"/tickets/{key}/edit")]
    headers = {"Content-Type": "text/markdown", "X-Source-Path": f"triaged/{key}.md"}
    content = document.replace("Infra", "Third").encode()
    await api.call(
        "POST", "/imports?on_conflict=update", content=content, headers=headers, expect=200
    )
    lines = (await api.call("GET", "/exports?format=jsonl", expect=200)).text
    history = (await api.call("GET", f"/tickets/{key}/history", expect=200)).text

    assert edited.json()[name] == "Infra"
    assert "Infra" in document
    assert "Infra" in shown
    assert all(f'name="{name}"' in form for form in forms)
    assert (await api.get(f"/tickets/{key}"))[name] == "Third"
    assert f'"{name}":"Third"' in lines.replace(" ", "")
    assert name in history
