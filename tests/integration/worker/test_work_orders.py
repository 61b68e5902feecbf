"""Work orders: each is done once, and accepted only where a run shows that it is done."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.config import PROJECT_ROOT
from tests.support.api import Api, running_api
from tests.support.shared import Shared
from tests.support.target import apply_patch, copy_target, defect, fix_of

pytestmark = pytest.mark.anyio

KEY = "B2-DRL-02"
SOURCE = (PROJECT_ROOT / "tests/verification/test_b2_drl_02.py").read_text()
OWN = SOURCE.replace(f'"{KEY}"', '"B2-DRL-77"')


@pytest.fixture
async def broken(database: str, tmp_path: Path, shared: Shared) -> AsyncIterator[Api]:
    """A service whose package has the defect of B2-DRL-02, with an agent and a ticket."""
    root = copy_target(tmp_path)
    apply_patch(root, defect(KEY))
    async with running_api(database, shared=shared, workers=1, target_root=root) as api:
        await api.account("bot", "reviewer", speaks_for=("codereview",))
        yield api


async def place(api: Api, kind: str, key: str, **fields: Any) -> str:
    body = {"kind": kind, "ticket": key, **fields}
    placed = await api.call("POST", "/work-orders", json=body, expect=201)
    return str(placed.json()["id"])


async def claim(api: Api, *kinds: str, as_: str = "bot", **fields: Any) -> dict[str, Any] | None:
    body = {"kinds": list(kinds), **fields}
    answer = await api.call("POST", "/work-orders/claim", as_=as_, json=body, expect=200)
    order: dict[str, Any] | None = answer.json()["order"]
    return order


async def hand_in(api: Api, order: str, *, as_: str = "bot", expect: int = 200, **body: Any) -> Any:
    path = f"/work-orders/{order}/submit"
    return (await api.call("POST", path, as_=as_, json=body, expect=expect)).json()


async def judged(api: Api, order: str) -> dict[str, Any]:
    """The order once its run has ended."""
    run = (await api.get(f"/work-orders/{order}"))["run"]
    await api.get(f"/runs/{run}?wait=60")
    found: dict[str, Any] = await api.get(f"/work-orders/{order}")
    return found


async def test_a_test_that_fails_for_the_defect_reproduces_it(broken: Api) -> None:
    key = (await broken.file())["key"]
    order = await place(broken, "reproduce", key, note="On CPU.")

    taken = await claim(broken, "reproduce")
    assert taken is not None
    assert (taken["id"], taken["status"], taken["claimed_by"]) == (order, "claimed", "bot")
    handed = await hand_in(broken, order, filename="test_own.py", source=OWN)
    assert handed["status"] == "submitted"

    assert (await judged(broken, order))["status"] == "accepted"
    assert (await broken.get(f"/tickets/{key}"))["evidence"]["state"] == "reproduced"
    assert await claim(broken) is None


TYPOS = [
    "from kasmina import blend_opps",
    "import kasmina\nblend = kasmina.blend_opps",
    "def test_x():\n    blend_ops.scale(1)",
    "import kasmina\ndef test_x():\n    kasmina.nothing()",
    "def test_x(fixture_that_is_not):\n    assert True",
    "def test_x(:\n    pass",
    "def tset_x():\n    assert False",
    "import pytest\ndef test_x():\n    pytest.skip('later')",
    "import pytest\n@pytest.mark.xfail\ndef test_x():\n    assert False",
    "def test_x():\n    from kasmina.nowhere import y",
    "def test_x():\n    assert undefined_name == 1",
    "import kasmina\ndef test_x():\n    kasmina.blend_ops.scale_()",
    "import torch\ndef test_x():\n    torch.nothing(1)",
    "def test_x():\n    open('/nowhere/at/all')",
    "def test_x():\n    raise ImportError('no')",
    "import nowhere",
    "def test_x():\n    return False",
    "async def test_x():\n    assert False",
    "class TestX:\n    def __init__(self): ...\n    def test_x(self):\n        assert False",
    "def helper():\n    assert False",
]


async def test_a_typo_reproduces_nothing(broken: Api) -> None:
    for source in TYPOS:
        key = (await broken.file())["key"]
        order = await place(broken, "reproduce", key)
        assert await claim(broken)
        body = {"filename": "test_own.py", "source": source}
        path = f"/work-orders/{order}/submit"
        answer = await broken.call("POST", path, as_="bot", json=body)

        if answer.status_code == 422:  # pytest found no test in it; it may be mended
            assert (await broken.get(f"/work-orders/{order}"))["status"] == "claimed"
        else:
            done = await judged(broken, order)
            assert (done["status"], bool(done["reason"])) == ("rejected", True), source
        ticket = await broken.get(f"/tickets/{key}")
        assert (ticket["evidence"]["state"], ticket["tests"]) == ("none", []), source


async def test_a_patch_that_mends_it_is_a_fix_and_another_is_not(broken: Api) -> None:
    await broken.file(key=KEY)
    order = await place(broken, "fix", KEY)
    await claim(broken, "fix")
    await hand_in(broken, order, patch=fix_of(defect("B2-CR-01")), expect=422)
    other = (
        "--- a/kasmina/__init__.py\n+++ b/kasmina/__init__.py\n@@ -1,1 +1,2 @@\n "
        + (PROJECT_ROOT / "kasmina/__init__.py").read_text().split("\n")[0]
        + "\n+\n"
    )
    await hand_in(broken, order, patch=other)
    done = await judged(broken, order)
    assert done["status"] == "rejected", done
    assert (await broken.get(f"/tickets/{KEY}"))["patches"] == {}

    again = await place(broken, "fix", KEY)
    await claim(broken, "fix")
    await hand_in(broken, again, patch=fix_of(defect(KEY)))

    assert (await judged(broken, again))["status"] == "accepted"
    assert (await broken.get(f"/tickets/{KEY}"))["evidence"]["state"] == "fix-ready"


async def test_a_claim_is_refuted_by_a_test_that_catches_the_defect_where_it_is_planted(
    api_with_worker: Api,
) -> None:
    api = api_with_worker
    await api.account("bot", "reviewer", speaks_for=("codereview",))
    key = (await api.file())["key"]
    order = await place(api, "refute", key)
    await claim(api, "refute")
    lacking = await hand_in(api, order, filename="test_own.py", source=OWN, expect=422)
    assert [error["pointer"] for error in lacking["errors"]] == ["/patch"]

    await hand_in(api, order, filename="test_own.py", source=OWN, patch=defect(KEY))

    assert (await judged(api, order))["status"] == "accepted"


async def test_a_run_that_is_cancelled_is_nobodys_fault(api: Api) -> None:
    await api.account("bot", "reviewer")
    key = (await api.file())["key"]
    order = await place(api, "reproduce", key)
    await claim(api)
    handed = await hand_in(api, order, filename="test_own.py", source=OWN)
    await api.call("POST", f"/runs/{handed['run']}/cancel", expect=200)

    assert (await api.get(f"/work-orders/{order}"))["status"] == "errored"
    again = await claim(api)

    assert again is not None
    assert (again["id"], again["status"], again["run"]) == (order, "claimed", None)


async def test_of_two_that_hand_in_the_same_order_one_does(api: Api) -> None:
    await api.account("bot", "reviewer", speaks_for=("codereview",))
    key = (await api.file())["key"]
    order = await place(api, "assess", key, specialist="codereview")
    await claim(api)
    review = {"verdict": "ENDORSE", "rationale": "Seen.", "specialist": "codereview"}
    path = f"/work-orders/{order}/submit"

    answers = await asyncio.gather(
        *(api.call("POST", path, as_="bot", json={"review": review}) for _ in range(5))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert (await api.get(f"/work-orders/{order}"))["status"] == "accepted"
    assert len((await api.get(f"/tickets/{key}/reviews?all=true"))["items"]) == 1


async def test_what_was_settled_meanwhile_is_wanted_no_more(api: Api) -> None:
    await api.account("bot", "reviewer", speaks_for=("codereview",))
    key = (await api.file())["key"]
    order = await place(api, "assess", key)
    later = await place(api, "assess", key)
    first = await claim(api)
    assert first is not None and first["id"] == order
    move = {"to": "wont-fix", "reason": "Legacy."}
    await api.call("POST", f"/tickets/{key}/transitions", json=move, expect=200)
    review = {"verdict": "ENDORSE", "rationale": "Seen.", "specialist": "codereview"}

    refused = await hand_in(api, order, review=review, expect=409)

    assert "settled meanwhile" in refused["detail"]
    assert await claim(api) is None
    assert (await api.get(f"/work-orders/{later}"))["status"] == "open"
    await api.call("POST", "/work-orders", json={"kind": "fix", "ticket": key}, expect=409)


async def test_what_is_given_back_or_held_too_long_is_offered_again(api: Api) -> None:
    await api.account("bot", "reviewer")
    await api.account("bob", "reviewer")
    key = (await api.file())["key"]
    order = await place(api, "reproduce", key)
    await claim(api)
    assert await claim(api, as_="bob") is None
    await api.call("POST", f"/work-orders/{order}/release", as_="bob", expect=409)
    await api.call("POST", f"/work-orders/{order}/release", as_="bot", expect=200)
    assert (await claim(api, as_="bob")) is not None

    await _let_leases_run_out(api)
    assert (await api.get(f"/work-orders/{order}"))["status"] == "open"
    mine = await claim(api)

    assert mine is not None and mine["claimed_by"] == "bot"
    refused = await hand_in(api, order, as_="bob", filename="test_own.py", source=OWN, expect=409)
    assert "bot has it" in refused["detail"]


async def _let_leases_run_out(api: Api) -> None:
    async with api.factory.unit.begin() as stores:
        await stores.work_orders._connection.execute(
            text("UPDATE work_orders SET lease_expires_at = now() WHERE status = 'claimed'")
        )


async def test_fifty_agents_do_two_hundred_orders_each_once(api: Api) -> None:
    names = [f"bot-{number}" for number in range(50)]
    for name in names:
        await api.account(name, "reviewer", speaks_for=("codereview",))
    placed = [await place(api, "assess", (await api.file(as_="admin"))["key"]) for _ in range(200)]
    done: Counter[str] = Counter()
    given_up: set[str] = set()

    async def work(name: str, *, dies: bool) -> None:
        while (order := await claim(api, as_=name)) is not None:
            if dies:
                given_up.add(order["id"])
                return
            review = {"verdict": "NEUTRAL", "specialist": "codereview"}
            path = f"/work-orders/{order['id']}/submit"
            answer = await api.call("POST", path, as_=name, json={"review": review})
            assert answer.status_code == 200, answer.text
            done[order["id"]] += 1

    await asyncio.gather(*(work(name, dies=n % 5 == 0) for n, name in enumerate(names)))
    await _let_leases_run_out(api)
    await asyncio.gather(*(work(name, dies=False) for name in names[:5]))

    assert len(given_up) == 10
    assert set(done) == set(placed)
    assert set(done.values()) == {1}
    page = await api.get("/work-orders?status=accepted&limit=200")
    assert len(page["items"]) == 200
