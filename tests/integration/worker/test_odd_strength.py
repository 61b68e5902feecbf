"""Runs that measure strength over odd code: decorated, generated, in C, long, with threads."""

from __future__ import annotations

import _heapq
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.worker.test_strength import about, mutants, refusal
from tests.support.api import running_api
from tests.support.bench import Bench
from tests.support.cluster import short_directory
from tests.support.shared import Shared
from tests.support.target import SUITE, write_target

pytestmark = pytest.mark.anyio

CALC = """\
import functools
import threading


def twice(function):
    @functools.wraps(function)
    def wrapper(value):
        return 2 * function(value)

    return wrapper


@twice
def decorated(value):
    return value + 1


exec("def generated(value):\\n    return value + 2")


def maker(step):
    def made(value):
        return value + step

    return made


made_of = maker(3)


def counted(most):
    done = threading.Event()
    threads = [threading.Thread(target=done.wait) for _ in range(most)]
    for thread in threads:
        thread.start()
    done.set()
    return len(threads)
"""
LINES = 5000
LONG = "class Long:\n" + "".join(
    f"    def step_{n}(self, value):\n        value += {n}\n        value *= 2\n"
    "        return value\n\n"
    for n in range(LINES // 5)
)
TESTS = {
    "test_odd.py": """\
from kasmina import calc
from kasmina._heapq import heappop
from kasmina.long import Long


def test_decorated():
    assert calc.decorated(1) == 4


def test_generated():
    assert calc.generated(1) == 3


def test_made():
    assert calc.made_of(1) == 4


def test_heap():
    assert heappop([1, 2]) == 1


def test_long():
    value = 1
    for step in range(1000):
        value = getattr(Long(), f"step_{step}")(value) % 7
    assert value == 6


def test_threads():
    assert calc.counted(3) == 3
"""
}
MODULE = Path(_heapq.__file__).name
"""A module in C, copied into the package."""


@pytest.fixture(scope="module")
async def bench(module_database: str, shared: Shared) -> AsyncIterator[Bench]:
    with short_directory() as folder:
        package = {"__init__.py": "", "calc.py": CALC, "long.py": LONG}
        write_target(folder, package, TESTS)
        shutil.copy(_heapq.__file__, folder / "kasmina")
        async with running_api(
            module_database, shared=shared, workers=1, target_root=folder
        ) as api:
            await api.call("POST", "/tests/sync", expect=200)
            yield Bench(api, folder)


async def ended(bench: Bench, symbol: str, test: str) -> list[tuple[str, str, str]]:
    """Function, operator and outcome of each mutant of what a symbol names."""
    key = await about(bench, symbol, f"test_odd.py::{test}")
    found = await mutants(bench, await bench.run(key, "strength"))
    return sorted((one["function"], one["operator"], one["outcome"]) for one in found)


async def test_a_decorated_function_is_changed_and_loses_its_decorator(bench: Bench) -> None:
    assert await ended(bench, "decorated", "test_decorated") == [
        ("decorated", "arithmetic", "killed"),
        ("decorated", "decorator", "killed"),
    ]


async def test_a_function_that_another_one_makes_is_changed_where_it_is_written(
    bench: Bench,
) -> None:
    made = [("maker.<locals>.made", "arithmetic", "killed")]
    assert await ended(bench, "made", "test_made") == made
    # By its name there is what makes it to be changed.
    assert await ended(bench, "made_of", "test_made") == [("<module>", "constant", "killed")]


async def test_a_function_that_no_file_spells_out_is_refused(bench: Bench) -> None:
    key = await about(bench, "generated", "test_odd.py::test_generated")

    problem = await refusal(bench, key)

    assert "'generated' is defined in no Python file of the package" in problem["detail"]
    by_file = problem["remedy"][0]["any_of"][1]
    assert by_file["body"] == {"kind": "strength", "scope": "file"}


@pytest.mark.parametrize("symbol", ["heappop", None])
async def test_a_module_in_c_has_nothing_to_change_as_a_file_neither(
    bench: Bench, symbol: str | None
) -> None:
    place = {"path": f"kasmina/{MODULE}"} | ({} if symbol is None else {"symbol": symbol})
    key = str((await bench.api.file(locations=[place]))["key"])
    body = {"node_id": f"{SUITE}/test_odd.py::test_heap"}
    await bench.api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)
    await bench.run(key, "check")

    problem = await refusal(bench, key)

    assert "measure the whole file" not in problem["detail"]
    assert {one["operation"] for one in problem["remedy"]} == {"editTicket"}


async def test_a_class_of_thousands_of_lines_is_measured_as_far_as_the_budget_goes(
    bench: Bench,
) -> None:
    key = await about(bench, "Long", "test_odd.py::test_long")

    run = await bench.run(key, "strength", budget_s=1)

    assert run["outcome"] == "measured"
    assert run["strength"]["killed"] >= 1 and run["strength"]["not_run"] >= 1
    (hint,) = run["hints"]
    assert "3000 places could be changed; 1000 of them, spread evenly, are" in hint


async def test_threads_that_a_mutant_leaves_behind_hold_nothing_up(bench: Bench) -> None:
    found = await ended(bench, "counted", "test_threads")

    # Without `done.set()` the threads wait for ever; no test says that they may not.
    assert found.count(("counted", "statement", "survived")) == 2
    assert await ended(bench, "decorated", "test_decorated") != []
