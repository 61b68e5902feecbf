"""What is not seen in a line is written out on pages."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.pages import visiting
from tests.unit.formats.markdown_samples import finding

pytestmark = pytest.mark.anyio


async def test_characters_that_are_not_seen_are_written_out_in_a_title(api: Api) -> None:
    title = "safe \u202egpj.exe \x9b31m \u2066x"
    document = finding().replace("Pump runs dry", title).encode()
    kind = {"Content-Type": "text/markdown"}
    answer = await api.call("POST", "/imports", content=document, headers=kind, expect=200)
    key = answer.json()["items"][0]["key"]

    async with visiting(api) as visitor:
        pages = [await visitor.see(path) for path in (f"/tickets/{key}", "/tickets")]

    for page in pages:
        assert "safe ⟨U+202E⟩gpj.exe ⟨U+009B⟩31m ⟨U+2066⟩x" in page
        assert not set(page) & set("\u202e\x9b\u2066")
