"""Plans and results of runs, plain where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.runs import (
    ArmPlan,
    ArmResult,
    LinkedTest,
    PatchUse,
    RunPlan,
    TestOutcome,
    TestPurpose,
    TestResult,
)

BUNDLED = ("bundled",)
BEFORE_AFTER = ("before", "after")
REPEATS = 3

# How a word of a table stands for a result: outcome and decisive phase.
WORDS: Mapping[str, tuple[TestOutcome, str | None]] = {
    "pass": (TestOutcome.PASSED, "call"),
    "fail": (TestOutcome.FAILED, "call"),
    "fail in setup": (TestOutcome.FAILED, "setup"),
    "error": (TestOutcome.ERROR, "setup"),
    "not collected": (TestOutcome.ERROR, None),
    "skip": (TestOutcome.SKIPPED, "setup"),
    "xfail": (TestOutcome.XFAILED, "call"),
    "xpass": (TestOutcome.XPASSED, "call"),
    "late": (TestOutcome.TIMED_OUT, "call"),
}


def a_plan(
    *tests: str,
    guards: tuple[str, ...] = (),
    others: tuple[str, ...] = (),
    arms: tuple[str, ...] = BEFORE_AFTER,
) -> RunPlan:
    """A plan of demonstrating `tests`, `guards` and the rest of the suite."""
    linked = [LinkedTest(name) for name in tests]
    linked += [LinkedTest(name, TestPurpose.GUARDS) for name in guards]
    patch = PatchUse("defect", "d")
    return RunPlan(
        target="kasmina",
        arms=tuple(ArmPlan(name, patch if name.startswith("before") else None) for name in arms),
        tests=tuple(linked),
        others=others,
        package_digest="p",
        suite_digest="s",
        links_digest="l",
        patches_digest="x",
        covers_all_links=True,
        repeats=REPEATS,
    )


def an_arm(
    name: str, results: Mapping[str, str], *, repeats: int = REPEATS, **fields: Any
) -> ArmResult:
    """An arm in which each test ended as a word says; ``pass/fail`` is a repeat of its own each.

    The last word holds for the repeats that are left.
    """
    found = [
        TestResult(node_id, *WORDS[word], repeat=repeat)
        for node_id, words in results.items()
        for repeat, word in enumerate(_repeated(words.split("/"), repeats), 1)
    ]
    return ArmResult(name=name, package_digest="p", results=tuple(found), **fields)


def _repeated(words: list[str], repeats: int) -> list[str]:
    return words + words[-1:] * (repeats - len(words))
