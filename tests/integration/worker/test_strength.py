"""Runs that measure strength: real mutants in the real cage, what they say and what they refuse."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from app.domain import diffs
from app.worker.worker import Worker
from tests.support.api import Api, running_api
from tests.support.bench import Bench
from tests.support.cluster import short_directory
from tests.support.pages import visiting
from tests.support.service import bare_pytest
from tests.support.shared import Shared
from tests.support.target import SUITE, diff_of, package_files, write_target

pytestmark = pytest.mark.anyio

CALC = """\
import functools
import os


def clip(value: float, low: float = 0.0, high: float = 1.0) -> float:
    if value < low:
        return low
    if value > high:
        return high
    return value


def last(items):
    index = 0
    while index < len(items) - 1:
        index += 1
    return items[index]


def leave(code):
    if code == 3:
        os._exit(code)
    return code


def unused(value):
    return value + 1


class Box:
    def __init__(self, value):
        self._value = value

    @property
    def twice(self):
        return self._value * 2

    @functools.cached_property
    def thrice(self):
        return self._value * 3

    @staticmethod
    async def later(value):
        return value - 1

    def make(self):
        def inner(more):
            return self._value + more

        return inner


LIMIT = 4
ROOM = (1, 2)[LIMIT - 3]
"""
TESTS = {
    "test_clip.py": """\
from kasmina.calc import clip


def test_above():
    assert clip(2.0) == 1.0


def test_inside():
    assert clip(0.5) == 0.5
""",
    "test_clip_more.py": """\
from kasmina.calc import clip


def test_below():
    assert clip(-1.0, low=0.25) == 0.25
""",
    "test_calc.py": """\
import asyncio

import kasmina.calc as calc
from kasmina.calc import Box


def test_last():
    assert calc.last([1, 2, 3]) == 3


def test_leave():
    assert calc.leave(2) == 2


def test_box():
    box = Box(5)
    assert (box.twice, box.thrice, asyncio.run(Box.later(3)), box.make()(1)) == (10, 15, 2, 6)


def test_limit():
    assert calc.LIMIT == 4


def test_box_less():
    box = Box(5)
    assert (box.twice, box.make()(1)) == (10, 6)


def test_nothing():
    assert True
""",
    "test_odd.py": """\
import kasmina.calc as calc


def test_first():
    calc.clip = None


def test_second():
    assert calc.clip(0.5) == 0.5
""",
}


FLIPS = """\
import random


def test_sometimes():
    assert random.SystemRandom().random() < 0.5
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with short_directory() as found:
        yield write_target(found, {"__init__.py": "", "calc.py": CALC}, TESTS)


@pytest.fixture(scope="module")
async def bench(module_database: str, folder: Path, shared: Shared) -> AsyncIterator[Bench]:
    async with running_api(module_database, shared=shared, workers=1, target_root=folder) as api:
        await api.call("POST", "/tests/sync", expect=200)
        yield Bench(api, folder)


async def about(
    bench: Bench, symbol: str | None, *node_ids: str, checked: bool = True, severity: str = "P2"
) -> str:
    """A ticket about a symbol of the package, with linked tests that were checked."""
    place = {"path": "kasmina/calc.py"} | ({} if symbol is None else {"symbol": symbol})
    key = str((await bench.api.file(locations=[place], severity=severity))["key"])
    for node_id in node_ids:
        body = {"node_id": f"{SUITE}/{node_id}"}
        await bench.api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)
    if checked:
        await bench.run(key, "check")
    return key


async def refusal(bench: Bench, key: str, **body: Any) -> dict[str, Any]:
    asked = {"kind": "strength", **body}
    answer = await bench.api.call("POST", f"/tickets/{key}/runs", json=asked, expect=409)
    found: dict[str, Any] = answer.json()
    return found


async def mutants(bench: Bench, run: dict[str, Any], **outcome: str) -> list[dict[str, Any]]:
    found = await bench.api.get(f"/runs/{run['id']}/mutants", params={"limit": 200, **outcome})
    return list(found["items"])


def told(found: list[dict[str, Any]]) -> dict[int, tuple[str, str]]:
    """Operator and outcome by line."""
    return {one["line"]: (one["operator"], one["outcome"]) for one in found}


# --- what is measured ----------------------------------------------------------------------------


async def test_survivors_are_told_from_what_tests_notice(bench: Bench) -> None:
    key = await about(bench, "clip", "test_clip.py")

    run = await bench.run(key, "strength")
    found = await mutants(bench, run)

    assert (run["outcome"], run["kind"]) == ("measured", "strength")
    assert told(found) == {
        5: ("constant", "killed"),
        6: ("comparison", "survived"),
        8: ("comparison", "survived"),
        9: ("return", "killed"),
        10: ("return", "killed"),
    }
    strength = run["strength"]
    assert (strength["killed"], strength["survived"], strength["n"]) == (3, 2, 5)
    assert strength["value"] == 0.6 and 0.2 < strength["low"] < 0.6 < strength["high"] < 0.9
    killed = next(one for one in found if one["line"] == 9)
    assert killed["killed_by"] == f"{SUITE}/test_clip.py::test_above"
    assert killed["how"].startswith("assertion: ")
    assert await mutants(bench, run, outcome="survived") == [
        one for one in found if one["outcome"] == "survived"
    ]
    # The shown diff is what was run: one place, and nothing else.
    for one in found:
        files = package_files(bench.folder)
        after = diffs.apply(files, diffs.parse(one["diff"], packages=["kasmina"]))
        assert [path for path in after if after[path] != files[path]] == [one["path"]]
    evidence = (await bench.api.get(f"/tickets/{key}"))["evidence"]
    assert (evidence["state"], evidence["last_attempt"]) == ("passing", None)


async def test_a_survivor_that_the_suite_kills_says_by_whom(bench: Bench) -> None:
    key = await about(bench, "clip", "test_clip.py::test_inside")

    run = await bench.run(key, "strength")
    (line_5,) = [one for one in await mutants(bench, run) if one["line"] == 5]

    assert line_5["outcome"] == "survived"
    assert line_5["suite_killed_by"] == f"{SUITE}/test_clip.py::test_above"
    assert run["strength"]["killed_by_suite"] >= 1


async def test_a_test_that_asserts_nothing_kills_nothing(bench: Bench) -> None:
    key = await about(bench, "clip", "test_calc.py::test_nothing")

    run = await bench.run(key, "strength", scope="file")

    assert run["strength"]["killed"] == 0
    assert run["outcome"] in ("measured", "inconclusive")


async def test_an_assertion_less_is_less_strength(bench: Bench) -> None:
    values = []
    for test in ("test_box", "test_box_less"):
        key = await about(bench, "Box", f"test_calc.py::{test}")
        values.append((await bench.run(key, "strength", scope="file"))["strength"]["killed"])

    assert values[1] < values[0]


async def test_plain_pytest_agrees_on_what_is_killed(bench: Bench, tmp_path: Path) -> None:
    """The shown diff applied to a copy, and a cold pytest of the linked tests there."""
    names = ("test_clip.py", "test_calc.py::test_box")
    key = await about(bench, "clip, Box", *names)
    run = await bench.run(key, "strength")
    found = [m for m in await mutants(bench, run) if m["outcome"] in ("killed", "survived")][::2]
    shutil.copytree(bench.folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    tests = [f"{SUITE}/{name}" for name in names]
    said = {one["digest"]: await asyncio.to_thread(by_hand, tmp_path, one, tests) for one in found}

    assert {one["digest"]: one["outcome"] for one in found} == said
    assert set(said.values()) == {"killed", "survived"} and len(said) >= 6


def by_hand(copy: Path, mutant: dict[str, Any], tests: list[str]) -> str:
    """What plain pytest says of a mutant, whose diff is applied to a copy and taken back."""
    diff, apply = mutant["diff"].encode(), ["git", "apply"]
    subprocess.run([*apply, "-"], input=diff, cwd=copy, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=copy,
        env={**bare_pytest(), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
    )
    subprocess.run([*apply, "-R", "-"], input=diff, cwd=copy, check=True)
    return {0: "survived", 1: "killed"}[done.returncode]


async def test_a_mutant_that_loops_ends_late_and_one_that_leaves_is_killed(bench: Bench) -> None:
    key = await about(bench, "last, leave", "test_calc.py::test_last", "test_calc.py::test_leave")

    found = {one["line"]: one for one in await mutants(bench, await bench.run(key, "strength"))}

    # `index -= 1` goes on for ever; with `code != 3` the process ends.
    assert (found[16]["operator"], found[16]["outcome"]) == ("arithmetic", "timed-out")
    assert (found[21]["operator"], found[21]["outcome"]) == ("comparison", "killed")
    assert "exit status 2" in found[21]["how"]


async def test_methods_properties_coroutines_and_inner_functions_are_changed(bench: Bench) -> None:
    key = await about(bench, "Box", "test_calc.py::test_box")

    run = await bench.run(key, "strength")
    found = await mutants(bench, run)

    assert {one["function"] for one in found if one["outcome"] == "killed"} >= {
        "Box.twice",
        "Box.thrice",
        "Box.later",
        "Box.make",
        "Box.make.<locals>.inner",
    }
    survivors = {one["operator"] for one in found if one["outcome"] == "survived"}
    assert survivors <= {"decorator"}  # `Box.later` is asked of the class, which needs none


async def test_a_package_that_cannot_be_imported_stands_apart(bench: Bench) -> None:
    key = await about(bench, "LIMIT, ROOM", "test_calc.py::test_limit")

    run = await bench.run(key, "strength")

    # With a limit of 5 there is no room of that number.
    line = CALC.split("\n").index("LIMIT = 4") + 1
    assert [m["outcome"] for m in await mutants(bench, run) if m["line"] == line] == ["import"]
    assert run["strength"]["imports"] >= 1


async def test_what_patches_touch_is_changed_without_any_location(bench: Bench) -> None:
    key = await about(bench, None, "test_clip.py")
    sound = package_files(bench.folder)
    broken = {**sound, "kasmina/calc.py": CALC.replace("value > high", "value >= high")}
    await bench.api.call(
        "PUT",
        f"/tickets/{key}/patches/fix",
        content=diff_of(broken, sound),
        headers={"Content-Type": "text/x-diff"},
        expect=201,
    )

    run = await bench.run(key, "strength")

    found = await mutants(bench, run)
    assert {one["function"] for one in found} == {"clip"}
    assert all(one["by_fix"] for one in found)
    assert run["strength"]["unexplained_in_fix"] == 2


async def strength_at_the_gate(bench: Bench, key: str) -> tuple[str, bool, str]:
    gate = await bench.api.get(f"/tickets/{key}/gate")
    (found,) = [one for one in gate if one["name"] == "strength"]
    return found["state"], found.get("advisory", False), found["explanation"]


@pytest.fixture
async def calc(bench: Bench) -> AsyncIterator[str]:
    """The package with a function of other content: verdicts of its mutants reach no other test."""
    head = "high: float = 1.0) -> float:\n"
    found = CALC.replace(head, f'{head}    """Return the value, or the bound that it passes."""\n')
    write_target(bench.folder, {"calc.py": found}, {})
    await bench.sync()
    yield found
    write_target(bench.folder, {"calc.py": CALC}, {})
    await bench.sync()


async def test_survivors_of_a_fix_stand_at_the_gate_until_they_are_explained(
    bench: Bench, calc: str
) -> None:
    key = await about(bench, None, "test_clip.py", checked=False, severity="P1")
    sound = package_files(bench.folder)
    broken = {**sound, "kasmina/calc.py": calc.replace("value > high", "value < high")}
    headers = {"Content-Type": "text/x-diff"}
    path = f"/tickets/{key}/patches/fix"
    fix = {"content": diff_of(broken, sound), "headers": headers}
    await bench.api.call("PUT", path, **fix, expect=201)
    assert "once the evidence is proven" in (await strength_at_the_gate(bench, key))[2]
    proof = await bench.run(key, "proof")
    assert proof["outcome"] == "proven", proof["reason"]
    state, advisory, told = await strength_at_the_gate(bench, key)
    assert (state, advisory) == ("NOT_APPLICABLE", True) and "Measure it" in told

    run = await bench.run(key, "strength")
    assert "2 mutants of functions" in (await strength_at_the_gate(bench, key))[2]
    for one in await mutants(bench, run, outcome="survived"):
        said = {"verdict": "equivalent", "reason": "At the bound both give the bound."}
        await bench.api.call("PUT", f"/mutants/{one['digest']}/verdict", json=said, expect=200)

    assert (await strength_at_the_gate(bench, key))[:2] == ("SATISFIED", False)
    # Another fix touches other functions, perhaps.
    other = {**sound, "kasmina/calc.py": calc.replace("value < low", "value > low")}
    await bench.api.call("PUT", path, **{**fix, "content": diff_of(other, sound)}, expect=200)
    proof = await bench.run(key, "proof")
    assert proof["outcome"] == "proven", proof["reason"]
    assert "not known for this fix" in (await strength_at_the_gate(bench, key))[2]


# --- what is refused, or says nothing ------------------------------------------------------------


async def test_tests_must_be_known_to_pass(bench: Bench) -> None:
    key = await about(bench, "clip", "test_clip.py", checked=False)

    problem = await refusal(bench, key)

    assert "Run a check first" in problem["detail"]
    assert problem["remedy"][0]["body"] == {"kind": "check"}
    await bench.api.call(
        "POST", f"/tickets/{key}/runs", json=problem["remedy"][0]["body"], expect=202
    )


async def test_a_function_that_is_gone_names_the_nearest(bench: Bench) -> None:
    key = await about(bench, "clippp", "test_clip.py")

    problem = await refusal(bench, key)

    assert "'clippp' is defined in no Python file" in problem["detail"]
    assert "; the nearest is clip" in problem["detail"]
    edit, by_file = problem["remedy"][0]["any_of"]
    assert by_file["body"] == {"kind": "strength", "scope": "file"}
    headers = {"If-Match": "*"}
    await bench.api.call("PATCH", edit["path"][7:], json=edit["body"], headers=headers, expect=200)
    assert (await bench.run(key, "strength"))["outcome"] == "measured"


async def test_a_ticket_that_names_nothing_says_what_to_name(bench: Bench) -> None:
    key = await about(bench, None, "test_clip.py")

    problem = await refusal(bench, key)

    assert "No location of the ticket names a function" in problem["detail"]


async def test_code_that_no_linked_test_executes_is_not_measured(bench: Bench) -> None:
    key = await about(bench, "unused", "test_clip.py")

    run = await bench.run(key, "strength")

    assert run["outcome"] == "inconclusive"
    assert "execute no line of unused (kasmina/calc.py)" in run["reason"]
    assert run["strength"]["n"] == 0


async def test_a_flaky_test_gives_no_strength(bench: Bench) -> None:
    key = await about(bench, "clip", checked=False)
    # No file of the suite: there its chance would break other tests' proofs.
    body = {"filename": "test_sometimes.py", "source": FLIPS}
    await bench.api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)
    async with asyncio.timeout(60):
        while not (await bench.api.get(f"/tickets/{key}"))["evidence"]["flaky"]:
            await bench.run(key, "check", repeat=10, force=True)

    problem = await refusal(bench, key)

    assert "test_sometimes.py::test_sometimes" in problem["detail"].partition("flip: ")[2]


async def test_tests_that_pass_only_without_each_other_give_no_strength(bench: Bench) -> None:
    names = ("test_odd.py::test_first", "test_odd.py::test_second")
    key = await about(bench, "clip", *names, checked=False)
    await bench.run(key, "check", repeat=1)

    run = await bench.run(key, "strength")

    assert run["outcome"] == "inconclusive"
    assert "test_second does not pass on the package as it is: failed" in run["reason"]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "strength", "budget_s": 0},
        {"kind": "strength", "budget_s": 3601},
        {"kind": "strength", "budget_s": True},
        {"kind": "strength", "scope": "module"},
        {"kind": "strength", "repeat": 3},
        {"kind": "strength", "tests": ["tests/verification/test_clip.py"]},
        {"kind": "check", "budget_s": 10},
        {"kind": "proof", "scope": "file"},
    ],
)
async def test_odd_requests_are_refused(bench: Bench, body: dict[str, Any]) -> None:
    key = (await bench.api.file())["key"]

    await bench.api.call("POST", f"/tickets/{key}/runs", json=body, expect=422)


# --- what is kept --------------------------------------------------------------------------------


async def test_a_verdict_outlives_runs_and_counts_at_once(bench: Bench) -> None:
    await bench.api.account("judge", "reviewer", speaks_for=("drl",))
    key = await about(bench, "clip", "test_clip.py")
    first = await bench.run(key, "strength")
    (one, other) = await mutants(bench, first, outcome="survived")
    digest = one["digest"]

    said = await bench.api.call(
        "PUT",
        f"/mutants/{digest}/verdict",
        as_="judge",
        json={"verdict": "equivalent", "reason": "At the bound both give the bound."},
        expect=200,
    )
    again = await bench.api.get(f"/runs/{first['id']}")
    second = await bench.run(key, "strength")

    assert said.json()["outcome"] == "equivalent" and said.json()["verdict_by"] == "judge"
    for run in (again, second):
        strength = run["strength"]
        assert (strength["survived"], strength["equivalent"], strength["n"]) == (2, 1, 4)
        assert strength["value"] is None  # too few to say
    assert [m["digest"] for m in await mutants(bench, second, outcome="equivalent")] == [digest]
    assert all(m["reused"] for m in await mutants(bench, second))
    await bench.api.call(
        "PUT",
        f"/mutants/{other['digest']}/verdict",
        json={"verdict": "accepted", "reason": "Nobody asks for the bound itself."},
        expect=200,
    )
    third = await bench.api.get(f"/runs/{second['id']}")
    assert (third["strength"]["survived"], third["strength"]["n"]) == (2, 4)
    await bench.api.call(
        "PUT",
        f"/mutants/{digest}/verdict",
        json={"verdict": "accepted", "reason": "On second thought."},
        expect=200,
    )


async def test_verdicts_are_for_survivors(bench: Bench) -> None:
    key = await about(bench, "clip", "test_clip.py")
    killed = (await mutants(bench, await bench.run(key, "strength"), outcome="killed"))[0]
    body = {"verdict": "equivalent", "reason": "No."}
    for digest, status in ((killed["digest"], 409), ("0" * 64, 404), ("x", 404)):
        await bench.api.call("PUT", f"/mutants/{digest}/verdict", json=body, expect=status)
    for wrong in ({"verdict": "equivalent"}, {"verdict": "no", "reason": "a"}, {}):
        path = f"/mutants/{killed['digest']}/verdict"
        await bench.api.call("PUT", path, json=wrong, expect=422)


async def test_a_ticket_shows_its_strength_until_its_tests_change(bench: Bench) -> None:
    key = await about(bench, "clip", "test_clip.py")
    before = await bench.api.get(f"/tickets/{key}")
    run = await bench.run(key, "strength", force=True)

    shown = (await bench.api.get(f"/tickets/{key}"))["strength"]
    assert before["strength"] is None
    assert shown["run"] == run["id"] and not shown["stale"]
    assert {name: shown[name] for name in run["strength"]} == run["strength"]
    assert key in await listed(bench, "strength=fair" if shown["value"] else "strength=unknown")
    await bench.lay({"test_clip.py": TESTS["test_clip.py"] + "\n\n# changed\n"})
    stale = await bench.api.get(f"/tickets/{key}")
    assert stale["strength"]["stale"] and stale["strength"]["sentence"].startswith("Out of date")
    assert key in await listed(bench, "strength=unknown")
    await bench.lay({"test_clip.py": TESTS["test_clip.py"]})
    assert not (await bench.api.get(f"/tickets/{key}"))["strength"]["stale"]


async def listed(bench: Bench, query: str) -> list[str]:
    found = await bench.api.get(f"/tickets?limit=200&{query}")
    return [one["key"] for one in found["items"]]


async def test_lists_are_narrowed_and_ordered_by_strength(bench: Bench) -> None:
    strong = await about(bench, "Box", "test_calc.py::test_box")
    weak = await about(bench, "Box, clip", "test_calc.py::test_box", "test_calc.py::test_nothing")
    for key, scope in ((strong, "function"), (weak, "file")):
        await bench.run(key, "strength", scope=scope)
    values = {key: (await bench.api.get(f"/tickets/{key}"))["strength"] for key in (strong, weak)}

    items = (await bench.api.get("/tickets?limit=200&sort=strength"))["items"]
    ranks = [2 if one["strength"] is None else one["strength"] for one in items]
    assert ranks == sorted(ranks) and min(ranks) < 1
    value = values[strong]["value"]
    assert value is not None and value > values[weak]["value"]
    assert strong in await listed(bench, f"strength=>={value}")
    assert strong not in await listed(bench, f"strength=<{value}")
    assert {strong, weak} <= {*await listed(bench, "strength=strong&strength=fair&strength=weak")}
    both = await bench.api.get("/tickets?limit=1&sort=strength&strength=>=0&count=true")
    assert both["total"] >= 2 and both["next_cursor"]
    for wrong in ("weaker", "<2", "=0.5", "<0.12345", "<0.5%0A"):
        await bench.api.call("GET", f"/tickets?strength={wrong}", expect=422)


async def test_a_page_shows_survivors_and_takes_verdicts(bench: Bench) -> None:
    key = await about(bench, "clip", "test_clip.py::test_inside")
    check = await bench.run(key, "check")
    run = await bench.run(key, "strength")
    survivors = await mutants(bench, run, outcome="survived")
    first = next(one for one in survivors if one["line"] == 8)

    async with visiting(bench.api) as visitor:
        html = await visitor.see(f"/tickets/{key}")
        assert html.count("Write a test for this") == min(7, len(survivors))
        assert "value &gt;= high" in html and "The suite would notice" in html
        assert f'data-run="{check["id"]}"' in html, "what decided stays in sight"
        asked = await visitor.see(f"/tickets/{key}?test_for={first['digest']}")
        source = unescape(asked.split('name="source"')[1].split(">", 1)[1].split("</textarea>")[0])
        path = f"/tickets/{key}/mutants/{first['digest']}/verdict"
        form = {"verdict": "equivalent", "reason": ""}
        refused = await visitor.send(path, form)
        taken = await visitor.send(path, {**form, "reason": "At <b>the bound</b>."})
        after = await visitor.see(f"/tickets/{key}")
        page = await visitor.see(f"/runs/{run['id']}")

    compile(source, "test_x.py", "exec")
    assert f'finding("{key}"' in source and "value >= high" in source
    assert (refused.status_code, taken.status_code) == (422, 303)
    assert "At &lt;b&gt;the bound&lt;/b&gt;." in page and "<b>the bound" not in page
    assert after.count("Write a test for this") == len(survivors) - 1
    assert "<h2>Mutants</h2>" in page


async def test_other_runs_have_no_mutants(bench: Bench) -> None:
    key = await about(bench, "clip", "test_clip.py", checked=False)
    run = await bench.run(key, "check")

    assert run["strength"] is None
    await bench.api.call("GET", f"/runs/{run['id']}/mutants", expect=404)


# --- cut short -----------------------------------------------------------------------------------

SLOW = {
    "test_slow.py": """\
import time

from kasmina.calc import Box, clip


def test_slow():
    time.sleep(0.3)
    assert clip(2.0) == 1.0
    assert (Box(5).twice, Box(5).thrice, Box(5).make()(1)) == (10, 15, 6)
"""
}


@contextlib.asynccontextmanager
async def working(api: Api, *, drain_s: float = 0.0) -> AsyncIterator[None]:
    task = asyncio.create_task(Worker(api.factory, concurrency=1).run(drain_s=drain_s))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def idle(database: str, shared: Shared) -> AsyncIterator[Bench]:
    """A service of a slow suite without a worker; the tests start some."""
    with short_directory() as found:
        write_target(found, {"__init__.py": "", "calc.py": CALC}, SLOW)
        async with running_api(
            database, shared=shared, target_root=found, worker_silence_s=1
        ) as api:
            await api.call("POST", "/tests/sync", expect=200)
            yield Bench(api, found)


async def begun(
    bench: Bench, run_id: str, least: int, *, most_s: float = 60
) -> list[dict[str, Any]]:
    """The mutants that have ended, once there are so many."""
    async with asyncio.timeout(most_s):
        while True:
            run = await bench.api.get(f"/runs/{run_id}")
            found = await mutants(bench, run)
            ended = [one for one in found if one["outcome"] is not None]
            if len(ended) >= least:
                return ended
            await asyncio.sleep(0.05)


async def test_a_run_goes_on_behind_what_a_lost_worker_had_done(idle: Bench) -> None:
    api = idle.api
    async with working(api, drain_s=30):
        key = await about(idle, "clip", "test_slow.py")
    asked = {"kind": "strength"}
    answer = await api.call("POST", f"/tickets/{key}/runs", json=asked, expect=202)
    run_id = answer.json()["id"]
    async with working(api):
        before = await begun(idle, run_id, 1)
    left = await api.get(f"/runs/{run_id}")
    async with working(api):
        run = await api.get(f"/runs/{run_id}?wait=60")

    assert left["status"] == "queued" and left["strength"]["not_run"] > 0
    assert (run["outcome"], run["strength"]["not_run"]) == ("measured", 0)
    after = await mutants(idle, run)
    assert [one for one in after if one["digest"] in {b["digest"] for b in before}] == before


async def test_a_cancelled_run_keeps_what_it_has_found(idle: Bench) -> None:
    async with working(idle.api, drain_s=30):
        key = await about(idle, "clip", "test_slow.py")
        asked = {"kind": "strength"}
        answer = await idle.api.call("POST", f"/tickets/{key}/runs", json=asked, expect=202)
        run_id = answer.json()["id"]
        await begun(idle, run_id, 1)
        await idle.api.call("POST", f"/runs/{run_id}/cancel", expect=200)
    run = await idle.api.get(f"/runs/{run_id}")

    assert run["status"] == "cancelled"
    assert run["strength"]["killed"] + run["strength"]["survived"] >= 1
    assert (await idle.api.get(f"/tickets/{key}"))["evidence"]["last_attempt"] is None


async def test_a_spent_budget_is_told(idle: Bench) -> None:
    async with working(idle.api, drain_s=30):
        key = await about(idle, "clip, Box", "test_slow.py")
        run = await idle.run(key, "strength", budget_s=1)

    assert run["outcome"] == "measured"
    assert run["strength"]["not_run"] >= 1
    assert "The budget of 1 s was spent before" in run["reason"]
