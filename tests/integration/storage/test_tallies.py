"""Tallies of tests, and what of the suite is known to pass."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.domain.catalogue import TargetState
from app.factory import Factory
from app.storage.suite_results import SuiteKey
from app.storage.tallies import Seen, TallyKey

pytestmark = pytest.mark.anyio

A = TallyKey("t.py::a", "p", "d")
RUN, LATER = UUID(int=1), UUID(int=2)


@pytest.fixture
async def target(factory: Factory) -> str:
    async with factory.unit.begin() as stores:
        state = TargetState("kasmina", "p", "s", (), (), datetime.now(UTC))
        await stores.catalogue.save_target(state)
    return "kasmina"


def saw(*passed: bool, bundled: bool = True, linked: bool = True) -> Seen:
    return Seen([("alone", one) for one in passed], bundled, linked)


async def record(
    factory: Factory, seen: dict[TallyKey, Seen], run: UUID = RUN, environment: str = "e"
) -> None:
    async with factory.unit.begin() as stores:
        await stores.tallies.record("kasmina", environment, seen, run)


async def flipping(factory: Factory, environment: str = "e") -> list[tuple[str, int, int]]:
    async with factory.unit.read() as stores:
        found = await stores.tallies.flipping([("t.py::a", "d")], ["p"], [environment])
    return [(node_id, tally.passes, tally.failures) for node_id, tally in found]


async def test_a_flip_is_seen_from_run_to_run(factory: Factory, target: str) -> None:
    await record(factory, {A: saw(True, True)})
    assert await flipping(factory) == []
    await record(factory, {A: saw(False)}, LATER)

    assert await flipping(factory) == [("t.py::a", 2, 1)]


@pytest.mark.parametrize(
    ("key", "environment"),
    [
        (TallyKey("t.py::a", "other", "d"), "e"),
        (TallyKey("t.py::a", "p", "changed"), "e"),
        (TallyKey("t.py::b", "p", "d"), "e"),
        (A, "another"),
    ],
)
async def test_another_package_text_test_or_environment_is_no_flip(
    factory: Factory, target: str, key: TallyKey, environment: str
) -> None:
    await record(factory, {A: saw(True)})
    await record(factory, {key: saw(False)}, LATER, environment)

    assert await flipping(factory) == await flipping(factory, "another") == []


async def test_runs_that_end_at_once_see_each_other(factory: Factory, target: str) -> None:
    many = {TallyKey(f"t.py::{n}", "p", "d"): saw(True) for n in range(50)}

    await asyncio.gather(
        *(record(factory, {A: saw(n % 2 == 0), **many}, UUID(int=n + 1)) for n in range(6))
    )

    ((_, passes, failures),) = await flipping(factory)
    assert (passes, failures) == (3, 3)


async def test_what_passed_on_another_package(factory: Factory, target: str) -> None:
    tests = [("t.py::a", "d"), ("t.py::b", "d")]
    await record(factory, {TallyKey("t.py::a", "old", "d"): saw(True)})
    await record(factory, {TallyKey("t.py::b", "patched", "d"): saw(True, bundled=False)})

    async with factory.unit.read() as stores:
        tallies = stores.tallies
        assert await tallies.passed_elsewhere(tests, "p", "e") == {"t.py::a", "t.py::b"}
        assert await tallies.passed_elsewhere(tests, "p", "e", bundled=True) == {"t.py::a"}
        assert await tallies.passed_elsewhere(tests, "old", "e", bundled=True) == set()
        assert await tallies.passed_elsewhere(tests, "p", "another") == set()
        assert await tallies.passed_elsewhere([("t.py::a", "new")], "p", "e") == set()


async def test_of_the_others_only_what_is_new_is_written_down(
    factory: Factory, target: str
) -> None:
    async with factory.unit.begin() as stores:
        first = await stores.tallies.record("kasmina", "e", {A: saw(True, linked=False)}, RUN)
        same = await stores.tallies.record("kasmina", "e", {A: saw(True, linked=False)}, RUN)
        worse = await stores.tallies.record("kasmina", "e", {A: saw(False, linked=False)}, RUN)

    assert set(first) == set(worse) == {A} and same == {}
    assert worse[A].flips == 1


async def test_known_files_are_those_of_one_package_suite_and_environment(
    factory: Factory, target: str
) -> None:
    key = SuiteKey("kasmina", "p", "s", "e")
    async with factory.unit.begin() as stores:
        store = stores.suite_results
        await store.keep(key, {"f.py": ["f.py::a"], "g.py": ["g.py::a"]})
        await store.keep(key, {"f.py": ["f.py::a", "f.py::b"]})
        await store.forget("kasmina", ["g.py"])

        assert await store.known(key) == {"f.py": ("f.py::a", "f.py::b")}
        for other in ("package_digest", "suite_digest", "environment"):
            assert await store.known(SuiteKey(**{**key.__dict__, other: "x"})) == {}
