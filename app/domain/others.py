"""What a patch does to the rest of the suite (PASS_TO_PASS): pure rules.

The rest runs on the arm after first. What passes there did not break. What does not is run again,
alone and together, there and on the arms before: only the difference between them is the patch's
doing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.readings import never_ran
from app.domain.runs import ArmResult, TestMode, TestOutcome, TestResult

MOST_NAMED = 20


@dataclass(frozen=True)
class Comparison:
    """How the other tests fared."""

    compared: int = 0
    """How many passed on the arm after: these did not break."""
    broken: tuple[str, ...] = ()
    """Passed before, and do not pass after."""
    broken_together: tuple[str, ...] = ()
    """Those among the broken that pass alone, and break only in one process with the rest."""
    not_comparable: tuple[str, ...] = ()
    """Passed on neither side, so nothing can be said of them."""
    never_ran: tuple[str, ...] = ()
    """Were not begun on the arm after."""
    unsteady: tuple[str, ...] = ()
    """Passed steadily before, and sometimes after."""


class _Side(StrEnum):
    """How a test fared in one company on one arm."""

    PASSES = "passes"
    MIXED = "mixed"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class _Fared:
    alone: _Side = _Side.UNKNOWN
    together: _Side = _Side.UNKNOWN
    began: bool = False

    @property
    def passes(self) -> bool:
        return self.together is _Side.PASSES or (
            self.together is _Side.UNKNOWN and self.alone is _Side.PASSES
        )

    @property
    def steady(self) -> bool:
        """Passes in all companies it was seen in."""
        return {self.alone, self.together} <= {_Side.PASSES, _Side.UNKNOWN} and (
            _Side.PASSES in (self.alone, self.together)
        )


@dataclass
class _Found:
    compared: int = 0
    lists: dict[str, list[str]] = field(default_factory=dict)

    def note(self, name: str, node_id: str) -> None:
        self.lists.setdefault(name, []).append(node_id)


def compare(
    others: Sequence[str],
    before: Sequence[ArmResult],
    after: ArmResult,
    *,
    files: Sequence[str] = (),
) -> Comparison:
    """Return how `others`, and the tests of further `files`, fared on the arms."""
    wanted = dict.fromkeys(others)
    wanted.update(dict.fromkeys(_tests_of(files, (*before, after))))
    sides = [_by_test(arm) for arm in before]
    now = _by_test(after)
    found = _Found()
    for node_id in wanted:
        fared = now.get(node_id, _Fared())
        if fared.passes:
            found.compared += 1
        else:
            _judge(node_id, [side.get(node_id, _Fared()) for side in sides], fared, found)
    for path in files:
        if not any(_is_of(node_id, path) for node_id in wanted):
            found.note("never_ran", path)
    return Comparison(
        compared=found.compared,
        **{name: tuple(node_ids) for name, node_ids in found.lists.items()},
    )


def _judge(node_id: str, before: Sequence[_Fared], after: _Fared, found: _Found) -> None:
    steady = any(side.steady for side in before)
    if steady and after.alone is _Side.PASSES:
        found.note("broken", node_id)
        found.note("broken_together", node_id)
    elif steady and after.alone is _Side.MIXED:
        found.note("unsteady", node_id)
    elif steady:
        found.note("broken", node_id)
    elif after.alone is _Side.PASSES:
        found.compared += 1
    elif not after.began:
        found.note("never_ran", node_id)
    else:
        found.note("not_comparable", node_id)


def whole_files(
    others: Sequence[str], linked: Sequence[str], arm: ArmResult
) -> dict[str, list[str]]:
    """Return the files of the rest of the suite of which every test passed, in one process.

    Files with a linked test are left out: they did not run whole among the others.
    """
    tests: dict[str, list[str]] = {}
    for node_id in others:
        tests.setdefault(_file_of(node_id), []).append(node_id)
    for node_id in linked:
        tests.pop(_file_of(node_id), None)
    together = {
        result.node_id: result.outcome is TestOutcome.PASSED
        for result in arm.results
        if result.mode is TestMode.TOGETHER
    }
    return {
        path: node_ids
        for path, node_ids in tests.items()
        if all(together.get(node_id) for node_id in node_ids)
    }


def sentence(comparison: Comparison) -> str:
    """Say what is known of the other tests of a proof that breaks none."""
    said = f"none of the {comparison.compared} other tests that passed broke"
    if not comparison.compared:
        said = "no other test was there to compare"
    parts = [said]
    if comparison.not_comparable:
        parts.append(
            f"{len(comparison.not_comparable)} pass on neither side and cannot be compared: "
            f"{named(comparison.not_comparable)}"
        )
    if comparison.never_ran:
        parts.append(f"{len(comparison.never_ran)} never ran: {named(comparison.never_ran)}")
    return "; ".join(parts)


def named(node_ids: Sequence[str]) -> str:
    """Name tests, the first twenty and how many more."""
    more = len(node_ids) - MOST_NAMED
    listed = ", ".join(node_ids[:MOST_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed


def _tests_of(files: Sequence[str], arms: Iterable[ArmResult]) -> list[str]:
    if not files:
        return []
    return [
        result.node_id
        for arm in arms
        for result in arm.results
        if any(_is_of(result.node_id, path) for path in files)
    ]


def _file_of(node_id: str) -> str:
    return node_id.partition("::")[0]


def _is_of(node_id: str, path: str) -> bool:
    """Tell whether a test stands in a file, which is named as it lies below the suite."""
    return f"/{_file_of(node_id)}".endswith(f"/{path}")


def _by_test(arm: ArmResult) -> dict[str, _Fared]:
    results: dict[str, list[TestResult]] = {}
    for result in arm.results:
        results.setdefault(result.node_id, []).append(result)
    return {node_id: _fared(some) for node_id, some in results.items()}


def _fared(results: Sequence[TestResult]) -> _Fared:
    alone = [result for result in results if result.mode is TestMode.ALONE]
    together = [result for result in results if result.mode is not TestMode.ALONE]
    return _Fared(_side(alone), _side(together), not all(map(never_ran, results)))


def _side(results: Sequence[TestResult]) -> _Side:
    if not results:
        return _Side.UNKNOWN
    passed = sum(result.outcome is TestOutcome.PASSED for result in results)
    if passed == len(results):
        return _Side.PASSES
    return _Side.MIXED if passed else _Side.FAILS
