"""The report: one document that needs nothing else, for the API and for the pages."""

from __future__ import annotations

import base64
import re
from hashlib import sha256

import pytest

from tests.support.api import Api
from tests.support.pages import visiting

pytestmark = pytest.mark.anyio

HOSTILE = "</style><script>alert(1)</script>"


async def test_it_needs_nothing_else(api: Api) -> None:
    ticket = await api.file(title=HOSTILE, severity="P0")
    answer = await api.call("GET", "/report", expect=200)
    html = answer.text

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'attachment; filename="findings-' in answer.headers["content-disposition"]
    assert ticket["key"] in html
    assert "<script" not in html
    # What a browser would ask for without being told to.
    assert re.findall(r'(?:src|srcset|action|data)="([^"]*)"', html) == []
    assert re.findall(r'<link[^>]*href="([^"]*)"', html) == ["data:,"]
    assert "@import" not in html
    assert re.findall(r"url\((?!#)[^)]*\)", html) == []


async def test_its_policy_allows_its_own_style_and_nothing_else(api: Api) -> None:
    await api.file()
    html = (await api.call("GET", "/report", expect=200)).text
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    styles = re.findall(r"<style>(.*?)</style>", html, re.S)

    assert policy is not None
    assert len(styles) == 1
    digest = base64.b64encode(sha256(styles[0].encode()).digest()).decode()
    assert "default-src 'none'" in policy[1]
    assert f"style-src 'sha256-{digest}';" in policy[1]
    assert ' style="' not in html


async def test_its_links_lead_back_to_the_service(api: Api) -> None:
    ticket = await api.file()
    html = (await api.call("GET", "/report", expect=200)).text
    links = re.findall(r'<a [^>]*href="([^"]*)"', html)

    assert f"http://test/tickets/{ticket['key']}" in links
    assert {link for link in links if not link.startswith(("http://test/", "#"))} == set()


async def test_a_reader_may_have_it_by_call_and_by_page(api: Api) -> None:
    await api.account("report-reader", "reader")
    await api.file()
    called = await api.call("GET", "/report", as_="report-reader", expect=200)
    async with visiting(api, "report-reader") as visitor:
        seen = await visitor.client.get("/report")

    assert seen.headers["content-disposition"] == called.headers["content-disposition"]
    assert "report-reader sees it" in seen.text
