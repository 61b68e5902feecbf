"""A run from trigger to end: streams, repeats, reuse, deadlines, cancelling."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

SUITE = {
    "test_plain.py": """
import kasmina


def test_passes():
    print("seen \\x00 here")
    assert kasmina.ANSWER == 42
""",
    "test_flips.py": """
import time

import pytest


@pytest.mark.parametrize("n", range(6))
def test_flips(n):
    assert (time.time_ns() // 1000 + n) % 2
""",
    "test_endless.py": """
def test_before_the_endless_one():
    pass


def test_endless():
    while True:
        pass
""",
    "test_set_up.py": """
import pytest


@pytest.fixture
def broken():
    raise RuntimeError("no set-up")


def test_set_up(broken):
    pass
""",
}


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    with short_directory() as folder:
        (folder / "kasmina").mkdir()
        (folder / "kasmina" / "__init__.py").write_text("ANSWER = 42\n")
        suite = folder / "tests" / "verification"
        suite.mkdir(parents=True)
        for name, source in SUITE.items():
            (suite / name).write_text(source.lstrip())
        yield folder


@pytest.fixture(scope="module")
async def api(module_database: str, project: Path, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(
        module_database, shared=shared, workers=1, target_root=project, test_timeout_s=2.0
    ) as found:
        await found.call("POST", "/tests/sync", expect=200)
        yield found


async def _linked(api: Api, node_id: str) -> str:
    key = str((await api.file())["key"])
    body = {"node_id": f"tests/verification/{node_id}"}
    await api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)
    return key


async def _run(api: Api, key: str, **body: Any) -> dict[str, Any]:
    body = {"kind": "check", **body}
    answer = await api.call("POST", f"/tickets/{key}/runs", json=body, expect=202)
    found: dict[str, Any] = await api.get(f"/runs/{answer.json()['id']}?wait=60")
    return found


def _ids(stream: str) -> list[str]:
    return re.findall(r"^id: (\S+)$", stream, re.MULTILINE)


async def test_events_resume_where_the_reader_left_off(api: Api) -> None:
    run = await _run(api, await _linked(api, "test_plain.py"))
    path = f"/runs/{run['id']}/events"

    whole = (await api.call("GET", path, expect=200)).text
    ids = _ids(whole)
    rest = (await api.call("GET", path, headers={"Last-Event-ID": ids[1]}, expect=200)).text

    assert _ids(rest) == ids[2:]
    assert whole.rstrip().splitlines()[-2] == "event: end"
    assert "event: test" in whole


async def test_the_log_and_the_junit_file_tell_the_same(api: Api) -> None:
    run = await _run(api, await _linked(api, "test_plain.py"))

    log = await api.call("GET", f"/runs/{run['id']}/log", expect=200)
    junit = await api.call("GET", f"/runs/{run['id']}/junit.xml", expect=200)

    assert "passed tests/verification/test_plain.py::test_passes" in log.text
    assert 'tests="1" failures="0"' in junit.text


async def test_what_a_test_prints_is_kept_with_its_nul_made_visible(api: Api) -> None:
    run = await _run(api, await _linked(api, "test_plain.py"))

    (result,) = run["arms"][0]["results"]
    assert result["outcome"] == "passed"
    assert "seen" in result["stdout"]
    assert "\x00" not in result["stdout"]


async def test_the_same_question_is_answered_from_an_earlier_run(api: Api) -> None:
    key = await _linked(api, "test_plain.py")
    first = await _run(api, key, force=True)

    again = await _run(api, key)
    forced = await _run(api, key, force=True)

    assert (again["outcome"], again["reused_from"]) == ("passed", first["id"])
    assert again["arms"] == first["arms"]
    assert forced["reused_from"] is None


async def test_another_package_is_another_question(api: Api, project: Path) -> None:
    key = await _linked(api, "test_plain.py")
    await _run(api, key)
    package = project / "kasmina" / "__init__.py"
    package.write_text("ANSWER = 41\n")

    changed = await _run(api, key)
    evidence = (await api.get(f"/tickets/{key}"))["evidence"]
    package.write_text("ANSWER = 42\n")

    assert (changed["outcome"], changed["reused_from"]) == ("failed", None)
    assert evidence["state"] == "regressed"


async def test_a_test_that_flips_is_inconclusive_and_stands_in_the_ledger(api: Api) -> None:
    run = await _run(api, await _linked(api, "test_flips.py"), repeat=10)

    flakes = {test["node_id"]: test["flakes"] for test in (await api.get("/tests"))["items"]}
    flipping = [node_id for node_id, count in flakes.items() if count]
    assert run["outcome"] == "inconclusive"
    assert "flips" in run["reason"]
    assert flipping
    assert all("test_flips" in node_id for node_id in flipping)


async def test_a_deadline_names_its_test_and_keeps_what_came_before(api: Api) -> None:
    run = await _run(api, await _linked(api, "test_endless.py"))

    outcomes = {r["node_id"].rpartition("::")[2]: r["outcome"] for r in run["arms"][0]["results"]}
    assert run["outcome"] == "timed-out"
    assert "test_endless" in run["reason"]
    assert outcomes == {"test_before_the_endless_one": "passed", "test_endless": "timed-out"}


async def test_a_broken_set_up_shows_nothing(api: Api) -> None:
    key = await _linked(api, "test_set_up.py")

    run = await _run(api, key)
    evidence = (await api.get(f"/tickets/{key}"))["evidence"]

    assert run["outcome"] == "inconclusive"
    assert evidence["state"] == "unverified"
    assert evidence["last_attempt"]["outcome"] == "inconclusive"


async def test_a_cancelled_run_stops_and_changes_no_evidence(api: Api) -> None:
    key = await _linked(api, "test_endless.py")
    answer = await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)
    run_id = answer.json()["id"]

    cancelled = await api.call("POST", f"/runs/{run_id}/cancel", expect=200)
    again = await api.call("POST", f"/runs/{run_id}/cancel", expect=409)
    stream = await api.call("GET", f"/runs/{run_id}/events", expect=200)
    following = await _run(api, await _linked(api, "test_plain.py"))

    assert cancelled.json()["status"] == "cancelled"
    assert "ended already" in again.json()["detail"]
    assert "event: end" in stream.text
    assert (await api.get(f"/tickets/{key}"))["evidence"]["state"] == "unverified"
    assert following["outcome"] == "passed"


async def test_workers_are_listed_with_what_they_run(api: Api) -> None:
    await _run(api, await _linked(api, "test_plain.py"))

    (worker,) = (await api.get("/workers"))["items"]

    assert worker["concurrency"] == 1
    assert worker["environment"]["torch"].startswith("2.")
    assert len(worker["package_digest"]) == 64
