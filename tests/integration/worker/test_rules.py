"""Evidence over many runs: what takes it away, what may regress, and what makes it stale."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.shared import Shared
from tests.support.target import SUITE, diff_of, package_files, write_target

pytestmark = pytest.mark.anyio

SCALE = "def scale(value, factor):\n    return value * factor\n"
BROKEN = "def scale(value, factor):\n    return value\n"
TESTS = {
    "test_scale.py": """\
from kasmina.scaling import scale


def test_scale_uses_its_factor():
    assert scale(2, 3) == 6
""",
    "test_plain.py": """\
def test_plain():
    assert True
""",
    "test_shared.py": """\
EXPECTED = 6


def test_expected():
    assert EXPECTED == 6
""",
}
COIN = """\
import os

from kasmina.scaling import scale


def test_coin():
    assert scale(2, 3) == 6
    assert os.urandom(1)[0] % 2
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with short_directory() as found:
        yield write_target(found, {"__init__.py": "", "scaling.py": SCALE}, TESTS)


@pytest.fixture(scope="module")
async def service(module_database: str, folder: Path, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared, workers=1, target_root=folder) as found:
        yield found


@pytest.fixture
async def api(service: Api, folder: Path) -> Api:
    """The service, with package and suite as they were written first."""
    for path in (folder / SUITE).glob("*.py"):
        path.unlink()
    write_target(folder, {"__init__.py": "", "scaling.py": SCALE}, TESTS)
    await service.call("POST", "/tests/sync", expect=200)
    return service


async def linked(api: Api, *names: str) -> str:
    key = str((await api.file())["key"])
    for name in names:
        body = {"node_id": f"{SUITE}/{name}"}
        await api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)
    return key


async def run(api: Api, key: str, kind: str = "check", **body: Any) -> dict[str, Any]:
    answer = await api.call("POST", f"/tickets/{key}/runs", json={"kind": kind, **body}, expect=202)
    found: dict[str, Any] = await api.get(f"/runs/{answer.json()['id']}?wait=60")
    return found


async def evidence(api: Api, key: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/tickets/{key}"))["evidence"]
    return found


async def toss(api: Api, key: str, outcome: str) -> dict[str, Any]:
    """Run a coin's check until it falls so."""
    for _ in range(40):
        found = await run(api, key, force=True)
        if found["outcome"] == outcome:
            return found
    raise AssertionError(f"a coin never showed {outcome}")


async def test_a_test_that_flips_is_not_believed_by_any_of_its_tickets(
    api: Api, folder: Path
) -> None:
    write_target(folder, {}, {"test_coin.py": COIN})
    await api.call("POST", "/tests/sync", expect=200)
    mine, theirs = await linked(api, "test_coin.py"), await linked(api, "test_coin.py")
    await toss(api, theirs, "passed")
    last = await toss(api, mine, "failed")

    for key in (mine, theirs):
        shown = await evidence(api, key)
        assert (shown["state"], shown["flaky"]) == ("unverified", True), key
        (figures,) = shown["flips"]
        assert figures["passes"] >= 1 and figures["failures"] >= 1 and figures["flips"] >= 1
        assert figures["needed"] >= 30 and "is flaky" in shown["sentence"]
    assert (await evidence(api, theirs))["contradicted_by"] == last["id"]

    # A lucky result is not reused, and does not make up for the flips.
    lucky = await toss(api, mine, "passed")
    again = await run(api, mine)
    assert again["reused_from"] is None and lucky["reused_from"] is None
    assert (await evidence(api, mine))["flaky"] is True

    # The digest of the test changes: nothing is known of the new one.
    write_target(folder, {}, {"test_coin.py": COIN.replace("% 2", "< 256")})
    assert (await run(api, mine))["outcome"] == "passed"
    shown = await evidence(api, mine)
    assert (shown["state"], shown["flaky"], shown["flips"]) == ("passing", False, [])


async def test_a_new_or_changed_test_cannot_regress(api: Api, folder: Path) -> None:
    key, other = await linked(api, "test_scale.py"), await linked(api, "test_plain.py")
    assert (await run(api, key))["outcome"] == (await run(api, other))["outcome"] == "passed"

    write_target(folder, {"scaling.py": BROKEN}, {})
    assert (await run(api, key))["outcome"] == "failed"
    assert (await evidence(api, key))["state"] == "regressed"

    # The same package, and a test that never passed there or elsewhere.
    write_target(folder, {}, {"test_plain.py": "def test_plain():\n    assert False\n"})
    assert (await run(api, other))["outcome"] == "failed"
    assert (await evidence(api, other))["state"] == "reproduced"


async def test_fix_ready_survives_a_failing_check(api: Api, folder: Path) -> None:
    write_target(folder, {"scaling.py": BROKEN}, {})
    key = await linked(api, "test_scale.py")
    before = package_files(folder)
    patch = diff_of(before, {**before, "kasmina/scaling.py": SCALE})
    await api.call(
        "PUT",
        f"/tickets/{key}/patches/fix",
        content=patch,
        headers={"Content-Type": "text/x-diff"},
        expect=201,
    )
    proof = await run(api, key, "proof")
    assert proof["outcome"] == "proven", proof["reason"]
    shown = await evidence(api, key)
    assert (shown["state"], shown["by"]) == ("fix-ready", "fix"), shown
    assert shown["authors"] == {"patch": ["admin"], "tests": [], "same": False}

    assert (await run(api, key, force=True))["outcome"] == "failed"

    assert (await evidence(api, key))["state"] == "fix-ready"


@pytest.mark.parametrize(("repeat", "outcome"), [(1, "inconclusive"), (3, "proven")])
async def test_one_repeat_proves_nothing(api: Api, folder: Path, repeat: int, outcome: str) -> None:
    key = await linked(api, "test_scale.py")
    before = package_files(folder)
    patch = diff_of(before, {**before, "kasmina/scaling.py": BROKEN})
    await api.call(
        "PUT",
        f"/tickets/{key}/patches/defect",
        content=patch,
        headers={"Content-Type": "text/x-diff"},
        expect=201,
    )

    found = await run(api, key, "proof", repeat=repeat, force=True)

    assert found["outcome"] == outcome, found["reason"]
    state = (await evidence(api, key))["state"]
    assert state == ("proven" if outcome == "proven" else "unverified")


async def test_another_environment_makes_evidence_stale(api: Api) -> None:
    key = await linked(api, "test_scale.py")
    assert (await run(api, key))["outcome"] == "passed"
    await api.call("POST", "/tests/sync", expect=200)
    assert (await evidence(api, key))["stale"] is False

    async with api.factory.unit.begin() as stores:
        (state, *_) = await stores.workers.all()
        elsewhere = {**state.environment, "targets": {"kasmina": "another"}}
        await stores.workers.mark_gone(state.name)
        await stores.workers.mark_alive(
            type(state)(state.name, state.concurrency, 0, environment=elsewhere)
        )
    await api.call("POST", "/tests/sync", expect=200)
    shown = await evidence(api, key)
    async with api.factory.unit.begin() as stores:
        await stores.workers.mark_alive(state)
    await api.call("POST", "/tests/sync", expect=200)

    assert (shown["stale"], shown["stale_reason"]) == (True, "environment changed")


@pytest.mark.parametrize(
    ("package", "suite", "reason"),
    [
        ({"scaling.py": SCALE + "# A remark.\n"}, {}, "package changed"),
        ({}, {"test_scale.py": TESTS["test_scale.py"] + "# A remark.\n"}, "tests changed"),
        ({}, {"helper.py": "# Shared by all tests.\n"}, "tests changed"),
    ],
)
async def test_a_reader_sees_that_the_disk_has_changed_without_a_sync(
    api: Api, folder: Path, package: dict[str, str], suite: dict[str, str], reason: str
) -> None:
    key = await linked(api, "test_scale.py")
    assert (await run(api, key))["outcome"] == "passed"
    assert (await evidence(api, key))["stale"] is False

    write_target(folder, package, suite)
    try:
        async with asyncio.timeout(20):
            while not (shown := await evidence(api, key))["stale"]:
                await asyncio.sleep(0.1)
        listed = await api.get("/tickets?evidence=passing&stale=true")
        fresh = await api.get("/tickets?evidence=passing")
        stats = await api.get("/stats")
    finally:
        (folder / SUITE / "helper.py").unlink(missing_ok=True)

    assert shown["stale_reason"] == reason
    # Figures and filters count fresh evidence, and show stale evidence apart.
    assert key in [item["key"] for item in listed["items"]]
    assert key not in [item["key"] for item in fresh["items"]]
    assert stats["stale"]["passing"] >= 1
    assert sum(stats["evidence"].values()) + sum(stats["stale"].values()) == stats["tickets"]


async def test_a_check_of_several_tests_finds_that_one_depends_on_another(
    api: Api, folder: Path
) -> None:
    leaks = (
        "import sys\n\n\ndef test_a_leaves_something():\n    sys.left = True\n\n\n"
        "def test_b_needs_it():\n    assert getattr(sys, 'left', False)\n"
    )
    write_target(folder, {}, {"test_leaks.py": leaks})
    await api.call("POST", "/tests/sync", expect=200)
    key = await linked(api, "test_leaks.py")

    found = await run(api, key)

    assert (found["outcome"], found["repeats"]) == ("inconclusive", 2)
    assert "test_b_needs_it depends on its neighbours" in found["reason"]
    assert (await evidence(api, key))["state"] == "unverified"
