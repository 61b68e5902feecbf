"""Blind reviewing: verdicts that came by a scanner, by a document or by a rule are hidden too."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.config import PROJECT_ROOT
from app.domain.exports import EXPORTS
from tests.integration.api.test_sarif import report, result, take
from tests.support.api import Api, running_api
from tests.support.blind import blind_and_seeing, review, steady
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

DOCUMENT = PROJECT_ROOT / "examples/markdown/fixed/B4-CR-02.md"
SILENCED = {"kind": "external", "status": "accepted", "justification": "mark-silenced"}


async def read_as(api: Api, name: str, key: str) -> dict[str, str]:
    """What an account reads of a ticket, by address."""
    of_ticket = ("", ".md", ".sarif", "/document", "/reviews", "/history", "/gate", "/next")
    of_all = ("/changes?since=0-0", "/work-orders", "/stats", "/review-queue?specialist=codereview")
    written = (name for name, export in EXPORTS.items() if export.writer)
    forms = (*written, "sarif&suppressed=omit")
    addresses = [
        *(f"/tickets/{key}{part}" for part in of_ticket),
        *of_all,
        *(f"/exports?format={form}" for form in forms),
        "/tickets?q=mark",
    ]
    answers = {path: await api.call("GET", path, as_=name, expect=200) for path in addresses}
    return {path: steady(answer) for path, answer in answers.items()}


async def test_what_a_scanner_silenced_is_hidden_as_its_review_is(api: Api) -> None:
    await blind_and_seeing(api)
    (item,) = await take(api, report(result()))
    key = item["key"]
    before = await read_as(api, "eve", key)
    await take(api, report(result(suppressions=[SILENCED])))

    after = await read_as(api, "eve", key)
    seen = await read_as(api, "ada", key)

    for path in (f"/tickets/{key}.sarif", "/exports?format=sarif"):
        assert after[path] == before[path]
        assert "mark-silenced" in seen[path]
    # Who may not know that it is silenced gets it with the rest.
    omitting = "/exports?format=sarif&suppressed=omit"
    assert after[omitting] == before[omitting]
    assert '"results":[]' in seen[omitting]
    assert not [path for path, text in after.items() if "mark-silenced" in text]
    await review(api, key, "codereview", "NEUTRAL", as_="eve")
    assert "mark-silenced" in (await read_as(api, "eve", key))["/exports?format=sarif"]


async def test_what_a_later_document_says_of_reviews_is_hidden(api: Api) -> None:
    await blind_and_seeing(api)
    content = DOCUMENT.read_bytes()
    assert content.count(b"OBJECT") == 0
    path = {"Content-Type": "text/markdown", "X-Source-Path": "fixed/B4-CR-02.md"}
    for body in (content, content.replace(b"ENDORSE", b"OBJECT")):
        answer = await api.call("POST", "/imports", content=body, headers=path, expect=200)
        assert answer.json()["items"][0]["result"] in ("created", "updated"), answer.text

    after = await read_as(api, "eve", "B4-CR-02")
    seen = await read_as(api, "ada", "B4-CR-02")

    for address in ("/tickets/B4-CR-02/history", "/changes?since=0-0"):
        assert "OBJECT" in seen[address]
        assert not [word for word in ("OBJECT", '"reviews"') if word in after[address]], address


@pytest.fixture
async def by_rules(database: str, shared: Shared) -> AsyncIterator[Api]:
    """A service that places orders by itself."""
    async with running_api(database, shared=shared, order_policy="endorsed") as found:
        await blind_and_seeing(found)
        yield found


async def claim(api: Api, name: str) -> dict[str, Any] | None:
    answer = await api.call("POST", "/work-orders/claim", as_=name, json={}, expect=200)
    order: dict[str, Any] | None = answer.json()["order"]
    return order


async def test_an_order_that_an_endorsement_asked_for_is_hidden_with_it(by_rules: Api) -> None:
    api = by_rules
    key = (await api.file(severity="P3", domains=["kasmina"]))["key"]
    before = await read_as(api, "eve", key)
    await review(api, key, "pytorch", "ENDORSE")

    refused = await claim(api, "eve")  # looks after the rules as well
    after = await read_as(api, "eve", key)
    (order,) = (await api.get("/work-orders", as_="ada"))["items"]
    shown = await api.call("GET", f"/work-orders/{order['id']}", as_="eve")

    assert refused is None
    assert {path for path in before if before[path] != after[path]} == set()
    assert shown.status_code == 404
    await review(api, key, "codereview", "NEUTRAL", as_="eve")
    assert (await claim(api, "eve") or {}).get("id") == order["id"]


async def test_a_refused_export_names_every_format_that_a_blind_reviewer_may_take(
    api: Api,
) -> None:
    await blind_and_seeing(api)

    refused = await api.call("GET", "/exports?format=jsonl", as_="eve", expect=403)

    told = refused.json()["detail"].partition("format=")[2].partition(", or an account")[0]
    assert re.split(", | or ", told) == [name for name, export in EXPORTS.items() if export.writer]
