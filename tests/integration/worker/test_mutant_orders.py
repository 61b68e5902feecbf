"""Orders to kill a surviving mutant: a test that fails on it, and passes on the package."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import running_api
from tests.support.bench import Bench
from tests.support.shared import Shared
from tests.support.target import SUITE, write_target

pytestmark = pytest.mark.anyio

WEAK = """\
from kasmina.scaling import scale


def test_one_times_one_is_one():
    assert scale(1, 1) == 1
"""


@pytest.fixture
async def bench(database: str, bench_folder: Path, shared: Shared) -> AsyncIterator[Bench]:
    """A service with a worker that orders what survives, and an agent."""
    write_target(bench_folder, {}, {"test_weak.py": WEAK})
    settings: dict[str, Any] = {"workers": 1, "target_root": bench_folder}
    async with running_api(database, shared=shared, order_policy="survivors", **settings) as api:
        await api.account("bot", "reviewer", speaks_for=("codereview",))
        found = Bench(api, bench_folder)
        await found.sync()
        yield found
        await found.reset()


async def measured(bench: Bench) -> tuple[str, list[dict[str, Any]]]:
    """A ticket whose only test is weak, and the mutants that survive it."""
    place = {"path": "kasmina/scaling.py", "symbol": "scale"}
    key = str((await bench.api.file(locations=[place]))["key"])
    body = {"node_id": f"{SUITE}/test_weak.py"}
    await bench.api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)
    await bench.run(key, "check")
    run = await bench.run(key, "strength")
    found = await bench.api.get(f"/runs/{run['id']}/mutants?outcome=survived")
    return key, found["items"]


async def claim(bench: Bench) -> dict[str, Any] | None:
    answer = await bench.api.call("POST", "/work-orders/claim", as_="bot", json={}, expect=200)
    order: dict[str, Any] | None = answer.json()["order"]
    return order


async def hand_in(bench: Bench, order: str, source: str) -> dict[str, Any]:
    body = {"filename": "test_own.py", "source": source}
    path = f"/work-orders/{order}/submit"
    handed = (await bench.api.call("POST", path, as_="bot", json=body, expect=200)).json()
    await bench.api.get(f"/runs/{handed['run']}?wait=60")
    found: dict[str, Any] = await bench.api.get(f"/work-orders/{order}")
    return found


async def test_what_survives_is_ordered_and_a_test_that_notices_it_is_accepted(
    bench: Bench,
) -> None:
    key, survivors = await measured(bench)
    assert survivors
    order = await claim(bench)

    assert order is not None
    assert (order["kind"], order["ticket"]) == ("kill-mutant", key)
    (mutant,) = [one for one in survivors if one["digest"] == order["mutant"]["digest"]]
    assert order["mutant"]["diff"] == mutant["diff"]
    idle = await hand_in(bench, order["id"], WEAK)
    assert (idle["status"], "cannot-fail" in idle["reason"]) == ("rejected", True)

    order = await claim(bench)
    assert order is not None
    done = await hand_in(bench, order["id"], WEAK.replace("scale(1, 1) == 1", "scale(6, 3) == 18"))

    assert (done["status"], done["reason"]) == ("accepted", None), done
    ticket = await bench.api.get(f"/tickets/{key}")
    assert len(ticket["tests"]) == 2
    # The run was about the tests: it proves nothing of the ticket.
    assert ticket["evidence"]["state"] == "passing"
    assert ticket["patches"] == {}


async def test_only_a_survivor_of_the_ticket_can_be_ordered(bench: Bench) -> None:
    key, survivors = await measured(bench)
    other = (await bench.api.file())["key"]
    digest = survivors[0]["digest"]
    for body, pointer in (
        ({"kind": "kill-mutant", "ticket": key}, "/mutant"),
        ({"kind": "kill-mutant", "ticket": key, "mutant": "0" * 64}, "/mutant"),
        ({"kind": "kill-mutant", "ticket": other, "mutant": digest}, "/mutant"),
        ({"kind": "fix", "ticket": key, "mutant": digest}, "/mutant"),
    ):
        refused = await bench.api.call("POST", "/work-orders", json=body, expect=422)
        assert refused.json()["errors"][0]["pointer"] == pointer, body
    asked = {"kind": "kill-mutant", "ticket": key, "mutant": digest}
    placed = await bench.api.call("POST", "/work-orders", json=asked, expect=201)
    assert placed.json()["mutant"]["path"] == "kasmina/scaling.py"

    said = {"verdict": "equivalent", "reason": "Of no use."}
    await bench.api.call("PUT", f"/mutants/{digest}/verdict", json=said, expect=200)
    await bench.api.call("POST", "/work-orders", json=asked, expect=422)
