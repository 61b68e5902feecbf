"""Bisection of long histories: branches, renames, broken commits, defects that came and went."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.worker.test_lost_workers import worker_process, working
from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.histories import MadeHistory, made_history, written

pytestmark = pytest.mark.anyio

SIZES = {1000: "fixed", 5000: "introduced"}
"""Commits of a history, and what is looked for in it."""
DECLARED = """\
[[target]]
name = "acme{count}"
root = "acme{count}.git"
revision = "main"
packages = ["acme"]
suite = "tests/findings"
domains = ["acme{count}"]

"""
TESTS = """\
import pytest
from acme import scaling


@pytest.mark.finding("{key}")
def test_scale():
    assert scaling.scale(1, 3) == 3
"""


@dataclass(frozen=True)
class Told:
    """A history of which the truth is known."""

    made: MadeHistory
    defect: tuple[int, int]
    """By which commit it was brought in, and by which it was fixed."""
    broken: tuple[int, int]
    """From which commit on the package cannot be read, and since when it can again."""
    fails: tuple[int, int]
    """The same, of an error that has nothing to do with the defect."""
    renamed: int
    """Which commit gives another name to the file in which the test fails."""

    def lies_between(self, commit: int, ends: tuple[int, int]) -> bool:
        return self.made.has(commit, ends[0]) and not self.made.has(commit, ends[1])

    def is_bad(self, commit: int) -> bool:
        return self.lies_between(commit, self.defect)

    def can_tell(self, commit: int) -> bool:
        return not any(self.lies_between(commit, ends) for ends in (self.broken, self.fails))

    def some_bad_one(self) -> int:
        """A commit with the defect that shows it."""
        bad = [n for n in range(len(self.made.parents)) if self.is_bad(n) and self.can_tell(n)]
        return bad[len(bad) // 2]

    def files(self, commit: int) -> dict[str, str]:
        """What a commit holds."""
        holds = hashlib.sha256(str(self.made.holds[commit]).encode()).hexdigest()
        core = "core" if self.made.has(commit, self.renamed) else "kernel"
        fails = "    raise OSError('nothing to do with it')\n"
        scaling = (
            f"# {holds}\nfrom acme.{core} import factor_of\n\n\ndef scale(value, factor):\n"
            f"{fails if self.lies_between(commit, self.fails) else ''}"
            "    return value * factor_of(value, factor)\n"
        )
        if self.lies_between(commit, self.broken):
            scaling = "def scale(value, factor:\n"
        body = "raise KeyError(value)" if self.is_bad(commit) else "return factor"
        return {
            "acme/__init__.py": "",
            "acme/scaling.py": scaling,
            f"acme/{core}.py": f"def factor_of(value, factor):\n    {body}\n",
            "NEWS.md": f"{commit}\n",
            "tests/findings/test_scale.py": TESTS.format(key=key_of(len(self.made.parents))),
        }


def key_of(count: int) -> str:
    return f"B7-DRL-{count}"


def told(count: int) -> Told:
    choose = random.Random(count)
    made = made_history(choose, count)
    touching = [n for n in range(2, count - 1) if made.has(n, n)]

    def two(nearer: int) -> tuple[int, int]:
        first = choose.choice(touching[: len(touching) // 2])
        after = [n for n in touching if n != first and made.has(n, first)]
        return first, choose.choice(after[:nearer])

    return Told(made, two(count), two(count // 20), two(count // 20), choose.choice(touching))


@pytest.fixture(scope="module")
def histories() -> Iterator[tuple[Path, dict[int, tuple[Told, list[str]]]]]:
    with short_directory() as folder:
        found = {}
        for count in SIZES:
            history = told(count)
            found[count] = (
                history,
                written(history.made, folder / f"acme{count}.git", history.files),
            )
        targets = folder / "targets.toml"
        targets.write_text("".join(DECLARED.format(count=count) for count in SIZES))
        yield targets, found


@pytest.fixture(scope="module")
async def api(histories: Any, module_database: str, shared: Any) -> AsyncIterator[Api]:
    """The service without a worker."""
    async with running_api(
        module_database, shared=shared, targets=histories[0], worker_silence_s=1
    ) as api:
        for count in SIZES:
            await api.call("POST", f"/targets/acme{count}/sync", expect=200)
            await api.file(key=key_of(count), batch=7, domains=[f"acme{count}"])
        yield api


async def begin(api: Api, count: int, **body: Any) -> str:
    path = f"/tickets/{key_of(count)}/bisections"
    answer = await api.call("POST", path, json=body, expect=202)
    return f"/bisections/{answer.json()['id']}"


@pytest.mark.parametrize("count", SIZES)
async def test_the_commit_is_found_in_a_long_history(api: Api, histories: Any, count: int) -> None:
    history, ids = histories[1][count]
    brought_in, fixed = history.defect
    end = ids[history.some_bad_one()]
    ends = {"from": end} if SIZES[count] == "fixed" else {"from": ids[0], "to": end}
    path = await begin(api, count, direction=SIZES[count], **ends)
    async with working(api):
        found = await api.get(f"{path}?wait=60")

    right = fixed if SIZES[count] == "fixed" else brought_in
    assert (found["outcome"], found["first"]) == ("exact", ids[right]), found["reason"]
    skips = sum(step["outcome"] == "skip" for step in found["steps"])
    assert found["runs"] <= math.log2(count) + 6 + skips


async def test_killed_between_two_steps_it_goes_on_and_repeats_none(
    api: Api, histories: Any, module_database: str
) -> None:
    targets, made = histories
    history, ids = made[1000]
    ends = {"from": ids[0], "to": ids[history.some_bad_one()]}
    path = await begin(api, 1000, direction="introduced", **ends)
    with worker_process(module_database, targets=targets) as process:
        async with asyncio.timeout(240):
            while len(steps := (await api.get(path))["steps"]) < 4:
                await asyncio.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    seen = [step["revision"] for step in steps]
    async with working(api):
        found = await api.get(f"{path}?wait=60")

    assert (found["outcome"], found["first"]) == ("exact", ids[history.defect[0]]), found["reason"]
    assert (await api.get(path.replace("bisections", "runs")))["attempt"] == 2
    assert [step["revision"] for step in found["steps"]][: len(seen)] == seen
    # What is named is looked at once more on purpose, and so is its parent.
    looked = [step["revision"] for step in found["steps"] if step["why"] != "confirm"]
    assert len(looked) == len(set(looked))
