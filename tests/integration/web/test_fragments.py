"""Parts of pages that are kept: what one visitor is shown holds nothing of another."""

from __future__ import annotations

import re

import pytest

from app.web import charts, fragments, home, room
from tests.support.api import Api
from tests.support.pages import visiting

pytestmark = pytest.mark.anyio

TOKEN = re.compile(r'name="csrf" value="([^"]*)"')


async def test_each_visitor_gets_forms_of_its_own_session(api: Api) -> None:
    key = (await api.file(key="B2-DRL-13"))["key"]
    await api.account("ada", "reviewer", speaks_for=("pytorch",))
    seen = {}
    async with visiting(api) as admin, visiting(api, "ada") as ada:
        for _ in range(2):  # the second time from memory
            for name, visitor in (("admin", admin), ("ada", ada)):
                html = await visitor.see(f"/tickets/{key}")
                assert set(TOKEN.findall(html)) == {visitor.csrf}
                assert fragments.MARK not in html
                seen.setdefault(name, []).append(html)
        sent = await ada.send(f"/tickets/{key}/notes", {"body": "mine"})

    assert admin.csrf != ada.csrf
    assert sent.status_code == 303
    assert [html.count("/patches/defect") > 0 for html in seen["admin"]] == [True, True]
    assert 'value="codereview"' in seen["admin"][1]  # as whom each may review
    assert 'value="codereview"' not in seen["ada"][1]


async def test_forms_follow_what_they_depend_on(api: Api) -> None:
    key = (await api.file(checklist=[{"text": "first"}]))["key"]
    async with visiting(api) as visitor:
        before = await visitor.see(f"/tickets/{key}")
        refused = await visitor.send(f"/tickets/{key}/tests", {"node_id": "no such test"})
        again = await visitor.see(f"/tickets/{key}")
        body = {"node_id": "tests/verification/test_b2_cr_10.py"}
        await api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)
        linked = await visitor.see(f"/tickets/{key}")

    assert "no such test" in refused.text
    assert "no such test" not in again  # what one sent is kept for nobody
    assert "Run in another way" not in before
    assert "Run in another way" in linked


async def test_the_first_start_page_finds_its_charts_drawn(api: Api) -> None:
    await api.file()
    await home.draw_ahead(api.factory)
    drawn = charts._svg.cache_info().misses

    async with visiting(api) as visitor:
        assert "<svg" in await visitor.see("/")

    assert charts._svg.cache_info().misses == drawn


def test_a_part_that_had_to_be_cut_is_not_kept() -> None:
    room.begin(less=149_000)
    assert fragments.kept(("part", 1), caller=lambda: "cut") == "cut"
    room.begin()
    assert fragments.kept(("part", 1), caller=lambda: "whole") == "whole"
    assert fragments.kept(("part", 1), caller=lambda: "never made") == "whole"
    assert fragments.kept(None, caller=lambda: "anew") == "anew"
