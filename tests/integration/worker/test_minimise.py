"""Runs that reduce a fix: what is left of it, what is refused, what a lost worker leaves behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.domain import diffs
from app.schema.strength import mutant_results
from tests.support.api import running_api
from tests.support.bench import Bench
from tests.support.cluster import short_directory
from tests.support.pages import visiting
from tests.support.shared import Shared
from tests.support.target import SUITE, diff_of, package_files, write_target

pytestmark = pytest.mark.anyio

OTHERS = "".join(f"def other_{n}():\n    return {n}\n\n\n" for n in range(8))
DEFECTIVE = f"""\
def half(value):
    return value // 2


{OTHERS}def twice(value):
    result = value + 2
    return result
"""
FIXED = (
    DEFECTIVE.replace("    return value // 2\n", "    # A comment.\n    return value / 2\n")
    .replace("    return 3\n", "    number = 3\n    return number\n")
    .replace("    result = value + 2\n", "    # Not plus.\n    result = value * 2\n")
)
TESTS = {
    "test_twice.py": """\
from kasmina.calc import twice


def test_twice():
    assert twice(5) == 10


def test_twice_nothing():
    assert twice(0) == 0
""",
    "test_half.py": """\
from kasmina.calc import half, twice


def test_half_of_twice():
    assert half(twice(3)) == 3
""",
    "test_other.py": """\
from kasmina.calc import other_1


def test_other():
    assert other_1() == 1
""",
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with short_directory() as found:
        yield write_target(found, {"__init__.py": "", "calc.py": DEFECTIVE}, TESTS)


@pytest.fixture(scope="module")
async def bench(module_database: str, folder: Path, shared: Shared) -> AsyncIterator[Bench]:
    async with running_api(module_database, shared=shared, workers=1, target_root=folder) as api:
        await api.call("POST", "/tests/sync", expect=200)
        yield Bench(api, folder)


def calc(bench: Bench, text: str) -> dict[str, str]:
    return {**package_files(bench.folder), "kasmina/calc.py": text}


async def with_fix(bench: Bench, *node_ids: str, text: str = FIXED) -> str:
    key = await bench.link(*node_ids)
    await bench.api.call(
        "PUT",
        f"/tickets/{key}/patches/fix",
        content=diff_of(package_files(bench.folder), calc(bench, text)),
        headers={"Content-Type": "text/x-diff"},
        expect=201,
    )
    return key


async def test_what_no_test_needs_of_a_fix_falls_away_and_nothing_is_stored(bench: Bench) -> None:
    key = await with_fix(bench, "test_twice.py")
    before = await bench.api.get(f"/tickets/{key}")

    run = await bench.run(key, "minimise")

    found = run["minimised"]
    assert (run["outcome"], found["complete"], found["lands"]) == ("minimised", True, True)
    assert (found["hunks"], found["lines"]) == (
        {"before": 3, "after": 1},
        {"before": 9, "after": 2},
    )
    small = diffs.parse(found["text"], packages=["kasmina"])
    between = diffs.apply(package_files(bench.folder), small)
    assert between["kasmina/calc.py"] == DEFECTIVE.replace("value + 2", "value * 2")
    after = diffs.apply(between, diffs.parse(found["fell_away"]))
    assert after["kasmina/calc.py"] == FIXED
    assert "2 of 9 changed lines" in run["reason"]
    ticket = await bench.api.get(f"/tickets/{key}")
    assert ticket["patches"] == before["patches"]
    assert ticket["evidence"] == before["evidence"]


async def test_what_other_tests_of_the_suite_need_of_a_fix_stays(bench: Bench) -> None:
    # With the whole fix test_half passes; a part that lets it fail breaks it.
    text = FIXED.replace("value / 2", "value - 2 if value == 4 else value / 2")
    key = await with_fix(bench, "test_twice.py::test_twice", text=text)
    more = await bench.lay(
        {
            "test_four.py": "from kasmina.calc import half\n\n\n"
            "def test_four():\n    assert half(5) == 2.5\n"
        }
    )
    assert not more

    run = await bench.run(key, "minimise")

    assert "value / 2" in run["minimised"]["text"]
    assert run["minimised"]["lines"]["after"] == 4


async def kept(bench: Bench) -> list[Any]:
    table = mutant_results.c
    async with bench.api.factory.engine.connect() as connection:
        rows = await connection.execute(
            select(table.content, table.updated_at).order_by(table.content)
        )
        return list(map(tuple, rows))


async def test_the_same_asked_again_runs_nothing_twice(bench: Bench) -> None:
    key = await with_fix(bench, "test_twice.py")
    first = await bench.run(key, "minimise")
    ran = await kept(bench)

    again = await bench.run(key, "minimise")

    assert again["minimised"] == first["minimised"]
    assert first["minimised"]["tried"] >= 3
    # Whatever is run is kept, and nothing was kept anew.
    assert await kept(bench) == ran


async def test_without_need_of_the_fix_nothing_is_reduced(bench: Bench) -> None:
    key = await with_fix(bench, "test_other.py")

    run = await bench.run(key, "minimise")

    assert (run["outcome"], run["minimised"]) == ("inconclusive", None)
    assert "pass without the fix too" in run["reason"]


async def test_a_fix_that_does_not_mend_is_not_reduced(bench: Bench) -> None:
    key = await with_fix(bench, "test_twice.py", text=DEFECTIVE.replace("+ 2", "+ 3"))

    run = await bench.run(key, "minimise")

    assert run["outcome"] == "inconclusive"
    assert "does not pass on the package with the fix: failed" in run["reason"]


async def test_a_ticket_without_a_fix_is_refused_with_what_mends_that(bench: Bench) -> None:
    key = await bench.link("test_twice.py")

    answer = await bench.api.call(
        "POST", f"/tickets/{key}/runs", json={"kind": "minimise"}, expect=409
    )

    assert answer.json()["remedy"][0]["path"].endswith("/patches/fix")


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "minimise", "patch": "defect"},
        {"kind": "minimise", "scope": "file"},
        {"kind": "minimise", "repeat": 2},
        {"kind": "minimise", "tests": ["tests/verification/test_twice.py"]},
        {"kind": "minimise", "budget_s": 0},
        {"kind": "check", "patch": "fix"},
    ],
)
async def test_odd_requests_are_refused(bench: Bench, body: dict[str, Any]) -> None:
    key = (await bench.api.file())["key"]

    await bench.api.call("POST", f"/tickets/{key}/runs", json=body, expect=422)


async def test_a_spent_budget_is_told(bench: Bench) -> None:
    slow = {
        "test_slow.py": "import time\n\nfrom kasmina.calc import twice\n\n\n"
        "def test_slow():\n    time.sleep(0.4)\n    assert twice(5) == 10\n"
    }
    await bench.lay(slow)
    key = await with_fix(bench, "test_slow.py")

    run = await bench.run(key, "minimise", budget_s=1)

    assert (run["outcome"], run["minimised"]["complete"]) == ("minimised", False)
    assert "Time ran out" in run["reason"]
    (bench.folder / SUITE / "test_slow.py").unlink()
    await bench.sync()


async def test_a_page_offers_the_smaller_fix_and_a_person_takes_it(bench: Bench) -> None:
    key = await with_fix(bench, "test_twice.py")
    async with visiting(bench.api) as visitor:
        asked = await visitor.see(f"/tickets/{key}")
        sent = await visitor.send(f"/tickets/{key}/runs", {"kind": "minimise", "patch": "fix"})
        runs = (await bench.api.get(f"/runs?ticket={key}"))["items"]
        run = await bench.api.get(f"/runs/{runs[0]['id']}?wait=60")
        page = await visitor.see(f"/runs/{run['id']}")
        form = {"patch": run["minimised"]["text"]}
        taken = await visitor.send(f"/tickets/{key}/patches/fix", form)
        after = await visitor.see(f"/tickets/{key}")

    assert "What do the tests need of it?" in asked
    assert (sent.status_code, taken.status_code) == (303, 303)
    assert "Take this as the fix" in page and "What fell away" in page
    assert "Not plus." not in after
    stored = await bench.api.call("GET", f"/tickets/{key}/patches/fix", expect=200)
    assert stored.text == run["minimised"]["text"]
