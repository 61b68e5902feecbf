"""A page stays small and is made beside the event loop, whatever a ticket of legal size holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import psycopg
import pytest

from app.database import libpq_url
from app.web import render
from tests.support.api import Api, running_api
from tests.support.pages import visiting
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

MOST = 300_000
AS_SOURCE = "Shown as source: it is too long or too intricate"


def ragged_table(columns: int = 500, rows: int = 131) -> str:
    """Few characters that a renderer makes many cells of."""
    head = "|".join(["a"] * columns) + "\n" + "|".join(["-"] * columns)
    return f"{head}\n" + "x\n" * rows


def sections(*bodies: str) -> dict[str, Any]:
    return {"sections": [{"heading": f"S{n}", "body": body} for n, body in enumerate(bodies)]}


LONG = 9_000
"""A hundred of them fit into one body, whatever JSON makes of their marks."""
TICKETS: Mapping[str, dict[str, Any]] = {
    "ragged tables": sections(*(f"{n}\n\n" + ragged_table() for n in range(10))),
    "a hundred small tables": sections(*(f"{n}\n\n" + ragged_table(30, 30) for n in range(100))),
    "nested tables": sections(*("> " + ragged_table().replace("\n", "\n> ") for _ in range(10))),
    "long prose": sections(*("word " * (LONG // 5) for _ in range(100))),
    "quotes that grow when escaped": sections(*('"<&>' * (LONG // 4) for _ in range(100))),
    "highlighted code": sections(*("```python\n" + "(1,)" * (LONG // 4) for _ in range(100))),
    "definitions that show nothing": sections(
        *("".join(f"[{i}]: /u\n" for i in range(LONG // 12)) for _ in range(100))
    ),
    "items": sections(*("- a\n" * (LONG // 4) for _ in range(100))),
    "links": sections(*("[a](/b)" * (LONG // 7) for _ in range(100))),
    "many parts": {
        "locations": [
            {"path": "p" * 999, "symbol": "s" * 499, "note": '"' * 499} for _ in range(200)
        ],
        "checklist": [{"text": '"' * 499} for _ in range(200)],
        "reports": [{"file": "f" * 400} for _ in range(50)],
    },
    "everything at once": {
        **sections(*('"' * LONG for _ in range(80))),
        "locations": [{"path": '"' * 120, "symbol": '"' * 120} for _ in range(200)],
        "checklist": [{"text": '"' * 120} for _ in range(200)],
    },
}


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared) as found:
        yield found


async def test_a_ticket_with_thousands_of_linked_tests_shows_some(
    api: Api, module_database: str
) -> None:
    key = (await api.file())["key"]
    with psycopg.connect(libpq_url(module_database)) as connection:
        connection.execute(
            "INSERT INTO test_links (id, ticket_id, target, node_id, created_by)"
            " SELECT gen_random_uuid(), t.id, t.target, 'tests/verification/x.py::y[' || n || ']',"
            " t.created_by FROM tickets t, generate_series(1, 3000) n WHERE t.key = %s",
            [key],
        )

    async with visiting(api) as visitor:
        shown = await visitor.see(f"/tickets/{key}")

    assert len(shown.encode()) < MOST
    assert "2900 more are not shown here" in shown


@pytest.mark.parametrize("case", TICKETS)
async def test_a_ticket_page_has_a_bound(api: Api, case: str) -> None:
    ticket = await api.file(summary=f"{case}: " + "*a* " * 900, **TICKETS[case])

    async with visiting(api) as visitor:
        shown = await visitor.see(f"/tickets/{ticket['key']}")

    assert len(shown.encode()) < MOST
    if "sections" in TICKETS[case]:
        assert AS_SOURCE in shown
        assert all(f">S{n}</h2>" in shown for n in range(len(TICKETS[case]["sections"])))


async def test_what_fits_is_laid_out_beside_what_does_not(api: Api) -> None:
    ticket = await api.file(**sections("**bold** before", ragged_table(), "**bold** after"))

    async with visiting(api) as visitor:
        shown = await visitor.see(f"/tickets/{ticket['key']}")

    assert shown.count("<strong>bold</strong>") == 2
    assert shown.count(AS_SOURCE) == 1
    assert "a|a|a|a" in shown
    assert (await api.get(f"/tickets/{ticket['key']}"))["sections"][1]["body"] == ragged_table()


async def test_others_are_answered_while_a_page_is_made(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is held in its midst: were that in the event loop, nobody else would be answered."""
    ticket = await api.file(**sections("- a\n" * 4000))
    loop = asyncio.get_running_loop()
    answered: list[httpx.Response] = []
    make = render.templates.TemplateResponse

    def held(*given: Any, **named: Any) -> Any:
        async def ask() -> httpx.Response:
            return await api.client.get("/healthz")

        answered.append(asyncio.run_coroutine_threadsafe(ask(), loop).result(60))
        return make(*given, **named)

    async with visiting(api) as visitor:
        monkeypatch.setattr(render.templates, "TemplateResponse", held)
        await visitor.client.get(f"/tickets/{ticket['key']}")

    assert [answer.status_code for answer in answered] == [200]
