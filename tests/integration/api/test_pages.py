"""The open pages: what this is, the API's documentation, the kinds of problems."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from app.api.problems import all_kinds, explanation
from tests.support.api import Api, running_api
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

PAGES = [
    "/",
    "/docs",
    "/help",
    "/help/evidence",
    "/problems",
    *(f"/problems/{slug}" for slug in all_kinds()),
]
REFERENCE = re.compile(r"""(?:src|href|action)\s*=\s*["']([^"']*)["']""")


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared) as found:
        yield found


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_open_and_whole(api: Api, path: str) -> None:
    page = await api.client.get(path)

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")
    assert '<html lang="en">' in page.text and "<title>" in page.text


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_takes_nothing_from_elsewhere(api: Api, path: str) -> None:
    page = await api.client.get(path)
    references = {found for found in REFERENCE.findall(page.text) if not found.startswith("#")}

    assert references and all(re.match(r"/(?!/)", reference) for reference in references)
    assert "<style" not in page.text and "onclick" not in page.text
    assert not re.search(r"<script(?![^>]*\ssrc=)", page.text)
    for reference in references:
        assert (await api.client.get(reference)).status_code == 200, reference


async def test_styles_and_scripts_take_nothing_from_elsewhere(api: Api) -> None:
    for path in ("/static/site.css", "/static/docs.js", "/static/icon.svg"):
        text = (await api.client.get(path)).text
        outside = set(re.findall(r"(?:https?:)?//[\w.-]+", text)) - {"http://www.w3.org"}
        assert outside == set(), path


@pytest.mark.parametrize(
    "path",
    [*PAGES[:3], "/static/site.css", "/healthz", "/nothing", "/api/v1/openapi.json", "/api/v1/me"],
)
async def test_every_answer_carries_the_headers_that_protect(api: Api, path: str) -> None:
    headers = (await api.client.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    policy = _policy(headers)
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    assert not {"*", "http:", "https:", "'unsafe-eval'"} & {w for v in policy.values() for w in v}


async def test_only_the_viewer_of_the_documentation_may_set_styles(api: Api) -> None:
    for path in PAGES:
        policy = _policy((await api.client.get(path)).headers)
        assert ("'unsafe-inline'" in policy["style-src"]) is (path == "/docs")


async def test_the_first_page_says_what_to_do_next(api: Api) -> None:
    text = (await api.client.get("/", headers={"Accept": "text/html"})).text

    for command in ("findings whoami", "findings load-examples", "findings verify", "/docs"):
        assert command in text
    assert api.tokens["admin"] not in text
    login = (await api.client.get("/login")).text
    assert "<code>admin-token</code>" in login  # by its name, and no path of the server
    assert not re.search(r"<code>/[^<]*</code>", text + login)


@pytest.mark.parametrize("slug", all_kinds())
async def test_each_kind_of_problem_is_explained(api: Api, slug: str) -> None:
    kind = all_kinds()[slug]

    page = await api.client.get(f"/problems/{slug}")

    assert kind.title in page.text
    assert "`" not in page.text
    assert f"&#34;type&#34;: &#34;/problems/{slug}&#34;" in page.text
    assert f"Status {kind.status}" in page.text
    assert "<code>findings " in page.text
    assert len(explanation(kind)) > 40


async def test_an_unknown_kind_of_problem_is_not_found(api: Api) -> None:
    answer = await api.client.get("/problems/<script>alert(1)</script>")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_static_files_stay_in_their_folder(api: Api) -> None:
    for path in ("/static/../pages.py", "/static/%2e%2e/pages.py", "/static/..%2fpages.py"):
        assert (await api.client.get(path)).status_code == 404


def _policy(headers: httpx.Headers) -> dict[str, list[str]]:
    parts = [part.split() for part in headers["content-security-policy"].split(";")]
    return {name: words for name, *words in parts}


async def test_a_concept_leads_to_those_that_belong_to_it(api: Api) -> None:
    page = await api.client.get("/help/proof")
    unknown = await api.client.get("/help/nothing", headers={"Accept": "text/html"})

    assert 'href="/help/proven"' in page.text
    assert "`" not in page.text
    assert unknown.status_code == 404
