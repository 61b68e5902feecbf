"""The inputs of ``benchmarks/hostile.py`` as a client would send them: all are answered, in bounds.

What a reader costs is measured there; here nothing may fail, and no answer may be much larger than
what was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.errors import FindingsError
from benchmarks.hostile import PATCHES, READERS, TEXTS
from tests.support.api import Api, running_api, ticket_body
from tests.support.pages import visiting

pytestmark = pytest.mark.anyio

SIZE = 3_000
MOST_PAGE = 300_000


@pytest.fixture(scope="module")
async def api(module_database: str) -> AsyncIterator[Api]:
    async with running_api(module_database) as found:
        yield found


@pytest.mark.parametrize("family", TEXTS)
async def test_a_text_is_filed_shown_found_and_given_back(api: Api, family: str) -> None:
    text = TEXTS[family](SIZE).replace("\r", "\n") + "x"
    parts = [{"heading": f"S{n}", "body": text} for n in range(3)]

    ticket = await api.file(title=f"hostile: {family}", summary="x" + text[:3990], sections=parts)
    key = ticket["key"]
    shown = await api.get(f"/tickets/{key}")
    document = await api.call("GET", f"/tickets/{key}.md", expect=200)
    async with visiting(api) as visitor:
        page = await visitor.see(f"/tickets/{key}")
        history = await visitor.see(f"/tickets/{key}/history")

    assert [part["body"] for part in shown["sections"]] == [text] * 3
    assert len(page.encode()) < MOST_PAGE
    assert len(history.encode()) < 2 * MOST_PAGE
    options = {"on_conflict": "update"}
    headers = {"Content-Type": "text/markdown"}
    again = await api.call(
        "POST", "/imports", params=options, content=document.content, headers=headers
    )
    assert again.status_code in (200, 413, 422)


@pytest.mark.parametrize("family", [*TEXTS, *PATCHES])
async def test_what_is_no_document_or_patch_is_refused(api: Api, family: str) -> None:
    text = ({**TEXTS, **PATCHES}[family](SIZE)).encode()
    key = (await api.file(title=f"patched: {family}"))["key"]

    imported = await api.call(
        "POST", "/imports", content=text, headers={"Content-Type": "text/markdown"}, expect=200
    )
    patched = await api.call(
        "PUT", f"/tickets/{key}/patches/fix", content=text, headers={"Content-Type": "text/x-diff"}
    )

    assert [item["result"] for item in imported.json()["items"]] == ["rejected"]
    assert patched.status_code in (200, 201, 413, 422)
    assert len(imported.content) + len(patched.content) < 30_000


@pytest.mark.parametrize("query", TEXTS)
async def test_any_query_is_answered_or_refused(api: Api, query: str) -> None:
    text = TEXTS[query](480)[:480].replace("\n", " ")

    answer = await api.call("GET", "/tickets", params={"q": text})

    assert answer.status_code in (200, 422), answer.text[:300]


@pytest.mark.parametrize("reader", READERS)
async def test_every_reader_takes_every_family(reader: str) -> None:
    one = READERS[reader]
    for make in one.inputs.values():
        try:
            await asyncio.to_thread(one.use, make(1_000))
        except FindingsError as refused:
            assert 400 <= refused.status < 500  # noqa: PT017  # a refusal is as good as an answer


async def test_a_body_of_many_objects_is_refused_with_few_words(api: Api) -> None:
    body = ticket_body(checklist=[{}] * 5000)

    answer = await api.call("POST", "/tickets", json=body, expect=422)

    assert len(answer.content) < 20_000
