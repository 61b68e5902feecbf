"""Work orders that the service places by itself, where the operator's policy says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from app.config import StartupError, load_settings
from tests.support.api import Api, running_api
from tests.support.decisions import close, set_columns
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio


@pytest.fixture
async def by_rules(database: str, shared: Shared) -> AsyncIterator[Api]:
    """A service with both rules in force, and an agent."""
    async with running_api(database, shared=shared, order_policy="grave, endorsed") as api:
        await api.account("bot", "reviewer", speaks_for=("codereview",))
        yield api


async def claim(api: Api) -> dict[str, Any] | None:
    answer = await api.call("POST", "/work-orders/claim", as_="bot", json={}, expect=200)
    order: dict[str, Any] | None = answer.json()["order"]
    return order


async def test_grave_and_endorsed_findings_without_a_test_get_orders_once(
    by_rules: Api, database: str
) -> None:
    api = by_rules
    mild = (await api.file(severity="P3"))["key"]
    endorsed = (await api.file(severity="P3"))["key"]
    grave = (await api.file(severity="P1"))["key"]
    reproduced, settled, _, untestable = [
        (await api.file(severity="P0", domains=domains))["key"]
        for domains in (["kasmina"], ["kasmina"], ["tolaria"], ["kasmina"])
    ]
    set_columns(database, reproduced, evidence_state="reproduced")
    close(database, settled, "fixed")
    said = {"state": "not-testable", "reason": "A matter of taste."}
    await api.call("PUT", f"/tickets/{untestable}/testability", json=said, expect=200)
    review = {"specialist": "pytorch", "verdict": "ENDORSE"}
    await api.call("POST", f"/tickets/{endorsed}/reviews", json=review, expect=201)

    first, second = await claim(api), await claim(api)

    assert first is not None and second is not None
    assert [first["ticket"], second["ticket"]] == [grave, endorsed]
    assert {first["kind"], second["kind"]} == {"reproduce"}
    assert (first["created_by"], first["note"]) == (
        None,
        "A grave finding without a reproduction.",
    )
    assert await claim(api) is None
    assert mild not in {one["ticket"] for one in (await api.get("/work-orders"))["items"]}
    placed = (await api.get(f"/tickets/{grave}/history"))["items"][-1]
    assert (placed["action"], placed["actor"]) == ("work-order.placed", None)
    assert placed["changes"]["rule"] == [None, "grave"]


async def test_processes_that_look_at_once_place_an_order_once(by_rules: Api) -> None:
    keys = [(await by_rules.file(severity="P0"))["key"] for _ in range(20)]

    await asyncio.gather(*(by_rules.factory.work_orders.tend() for _ in range(8)))

    found = (await by_rules.get("/work-orders?limit=200"))["items"]
    assert sorted(order["ticket"] for order in found) == sorted(keys)


async def test_after_three_that_were_rejected_none_is_placed(by_rules: Api, database: str) -> None:
    key = (await by_rules.file(severity="P0"))["key"]
    for _ in range(3):
        order = await claim(by_rules)
        assert order is not None and order["ticket"] == key
        _reject(database, order["id"])

    assert await claim(by_rules) is None


def _reject(database: str, order: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE work_orders SET status = 'rejected' WHERE id = %s", [order])


async def test_without_a_policy_nothing_is_placed(api: Api) -> None:
    await api.account("bot", "reviewer")
    await api.file(severity="P0")

    await api.factory.work_orders.tend()

    assert await claim(api) is None


def test_a_rule_that_there_is_not_is_refused() -> None:
    with pytest.raises(StartupError, match="FINDINGS_ORDER_POLICY"):
        load_settings(order_policy="grave,nonsense")
