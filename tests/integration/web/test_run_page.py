"""What a run shows of its tests: by call, on its page, as JUnit and in an export."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from app.domain.causes import Cause
from app.domain.runs import (
    ArmResult,
    RunOutcome,
    TestMode,
    TestOutcome,
    TestResult,
    Verdict,
)
from tests.support.api import Api
from tests.support.pages import visiting

pytestmark = pytest.mark.anyio

ENVIRONMENT = {"python": "3.11.7", "torch": "2.13.0", "seeds": {"hash": [17, 4711], "random": 99}}
HINT = "It passes alone and fails <b>together</b>."


async def a_run(api: Api) -> tuple[str, str]:
    """A run that has everything a result may hold; (its id, its linked test)."""
    key = (await api.file())["key"]
    await api.call("POST", "/tests/sync", expect=200)
    node = (await api.get("/tests?limit=1"))["items"][0]["node_id"]
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": node}, expect=201)
    asked = await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)
    run_id = asked.json()["id"]
    results = (
        TestResult(node, TestOutcome.PASSED, "call", 0.1),
        TestResult(
            node,
            TestOutcome.FAILED,
            "call",
            0.2,
            "assert 1 == 2",
            "the traceback",
            "it printed this",
            repeat=2,
            mode=TestMode.TOGETHER,
            cause=Cause.ASSERTION,
            file="tests/verification/test_x.py",
            line=12,
            signature="AssertionError tests/verification/test_x.py:12",
            skipped_subtests=("[n=<2>]",),
            log="WARNING kasmina:3 it is hot",
            warnings=("UserWarning: it is <i>old</i>",),
            properties=(("speed", "3 & more"),),
        ),
    )
    verdict = Verdict(
        RunOutcome.INCONCLUSIVE, "It flips.", compared=41, not_comparable=("tests/t.py::neither",)
    )
    async with api.factory.unit.begin() as stores:
        claimed = await stores.runs.claim(UUID(run_id), "worker")
        assert claimed is not None
        arm = ArmResult("bundled", "p" * 64, results, hints=(HINT,))
        await stores.runs.mark_finished(
            UUID(run_id), 1, verdict, arms=[arm], environment=ENVIRONMENT, decided=None
        )
    return run_id, node


async def test_a_call_answers_with_all_of_it(api: Api) -> None:
    run_id, node = await a_run(api)

    run = await api.get(f"/runs/{run_id}")

    result: dict[str, Any] = run["arms"][0]["results"][1]
    assert (result["mode"], result["cause"]) == ("together", "assertion")
    assert (result["file"], result["line"]) == ("tests/verification/test_x.py", 12)
    assert (result["log"], result["warnings"]) == (
        "WARNING kasmina:3 it is hot",
        ["UserWarning: it is <i>old</i>"],
    )
    assert (result["skipped_subtests"], result["properties"]) == (
        ["[n=<2>]"],
        [["speed", "3 & more"]],
    )
    assert (run["hints"], run["compared"], run["not_comparable"]) == (
        [HINT],
        41,
        ["tests/t.py::neither"],
    )
    commands = "\n".join(step["command"] for step in run["by_hand"])
    assert node in commands
    assert "PYTHONHASHSEED=17" in commands


async def test_a_run_that_waits_has_nothing_to_repeat(api: Api) -> None:
    key = (await api.file())["key"]
    await api.call("POST", "/tests/sync", expect=200)
    node = (await api.get("/tests?limit=1"))["items"][0]["node_id"]
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": node}, expect=201)
    asked = await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)

    run = await api.get(f"/runs/{asked.json()['id']}")
    junit = await api.call("GET", f"/runs/{run['id']}/junit.xml", expect=200)
    await api.call("POST", f"/runs/{run['id']}/cancel", expect=200)
    cancelled = await api.call("GET", f"/runs/{run['id']}/junit.xml", expect=200)

    assert run["by_hand"] == []
    assert '<error type="queued"' in junit.text
    assert '<error type="cancelled"' in cancelled.text


async def test_its_page_shows_all_of_it_and_none_of_it_is_markup(api: Api) -> None:
    run_id, node = await a_run(api)

    async with visiting(api) as visitor:
        html = await visitor.see(f"/runs/{run_id}")

    for text in (
        "together",
        "tests/verification/test_x.py:12",
        "An assertion of the test did not hold",
        "it printed this",
        "WARNING kasmina:3 it is hot",
        "UserWarning: it is &lt;i&gt;old&lt;/i&gt;",
        "[n=&lt;2&gt;]",
        "speed: 3 &amp; more",
        "It passes alone and fails &lt;b&gt;together&lt;/b&gt;.",
        "1 other test passed on neither side",
        "hash: 17 and 4711, random: 99",
        "PYTHONHASHSEED=17",
        f"tests=({node})",
    ):
        assert text in html, text


async def test_junit_and_lines_of_json_hold_it_too(api: Api) -> None:
    run_id, _ = await a_run(api)

    junit = await api.call("GET", f"/runs/{run_id}/junit.xml", expect=200)
    lines = (await api.call("GET", "/exports?format=jsonl", expect=200)).text.splitlines()

    assert 'value="3 &amp; more"' in junit.text
    assert "WARNING kasmina:3 it is hot\nUserWarning" in junit.text
    (run,) = (json.loads(line) for line in lines if json.loads(line)["kind"] == "run")
    (arm,) = run["arms"]
    assert arm["hints"] == [HINT]
    assert arm["results"][1]["cause"] == "assertion"
    assert arm["results"][1]["properties"] == [["speed", "3 & more"]]
    assert (run["run"]["compared"], run["run"]["environment"]) == (41, ENVIRONMENT)
