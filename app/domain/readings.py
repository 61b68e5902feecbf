"""What one linked test shows on one arm: pure rules over its results.

A test *passes* where every repeat passed whole: every phase, every tear-down and every subtest. It
*fails* where every repeat failed for a cause that can show a defect. All else shows nothing, and
says why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.causes import Cause
from app.domain.runs import ArmResult, TestMode, TestOutcome, TestResult


class Shows(StrEnum):
    """What the results of a test on an arm amount to."""

    PASSES = "passes"
    FAILS = "fails"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Reading:
    """One linked test on one arm."""

    node_id: str
    arm: str
    shows: Shows
    reason: str = ""
    """Why it shows nothing."""
    cause: Cause | None = None
    """Of a failure."""
    signature: str | None = None
    place: str = ""
    """File and line of a failure, where they are known."""
    skipped_subtests: frozenset[str] = frozenset()


def read_all(node_ids: Sequence[str], arm: ArmResult, repeats: int) -> dict[str, Reading]:
    """Return what each test shows on `arm`, for which so many repeats were planned."""
    results: dict[str, list[TestResult]] = {node_id: [] for node_id in node_ids}
    for result in arm.results:
        if result.node_id in results:
            results[result.node_id].append(result)
    return {node_id: _read(node_id, arm, some, repeats) for node_id, some in results.items()}


def _read(node_id: str, arm: ArmResult, results: Sequence[TestResult], repeats: int) -> Reading:
    reason = (
        _never_ran(node_id, arm, results)
        or _differs(node_id, arm, results)
        or _too_few(node_id, arm, results, repeats)
        or next((why for result in results if (why := _no_verdict(arm, result))), None)
    )
    skipped = frozenset(name for result in results for name in result.skipped_subtests)
    if reason is not None:
        return Reading(node_id, arm.name, Shows.NOTHING, reason, skipped_subtests=skipped)
    first = results[0]
    if first.outcome is TestOutcome.PASSED:
        return Reading(node_id, arm.name, Shows.PASSES, skipped_subtests=skipped)
    causes = {cause_of(result) for result in results}
    # The weakest of them: a test that failed for its interface once shows no more than that.
    cause = Cause.INTERFACE if Cause.INTERFACE in causes else cause_of(first)
    signatures = {result.signature for result in results}
    return Reading(
        node_id,
        arm.name,
        Shows.FAILS,
        cause=cause,
        signature=first.signature if len(signatures) == 1 else None,
        place=place_of(first),
        skipped_subtests=skipped,
    )


def demonstrates(reading: Reading, *, passed_elsewhere: Collection[str]) -> bool:
    """Tell whether a failure shows a defect of the package.

    Args:
        reading: a failing test.
        passed_elsewhere: tests that, unchanged, passed on another package: the other arm of a
            proof, or an earlier digest. Only there an interface is known to be the package's.
    """
    return reading.cause is not Cause.INTERFACE or reading.node_id in passed_elsewhere


def cause_of(result: TestResult) -> Cause | None:
    """Return why a test did not pass."""
    # The one place for results of guests that tell no causes, in runs of the first edition: what
    # failed in its body counts as an assertion.
    if result.cause is None and result.outcome is TestOutcome.FAILED and result.phase == "call":
        return Cause.ASSERTION
    return result.cause


def failing(arms: Iterable[ArmResult], linked: Collection[str]) -> set[str]:
    """Return the linked tests that failed in any repeat for a cause that can show a defect."""
    return {
        result.node_id
        for arm in arms
        for result in arm.results
        if result.node_id in linked
        and result.demonstrates_failure
        and cause_of(result) not in (Cause.ENVIRONMENT, Cause.TEST)
    }


def place_of(result: TestResult) -> str:
    """Return file and line of a failure as text; empty where they are not known."""
    if result.file is None:
        return ""
    return result.file if result.line is None else f"{result.file}:{result.line}"


def never_ran(result: TestResult) -> bool:
    """Tell whether a result stands for a test that was not begun."""
    return result.cause is Cause.NOT_RUN


def _never_ran(node_id: str, arm: ArmResult, results: Sequence[TestResult]) -> str | None:
    if not results:
        return f"{node_id} did not run on arm {arm.name}."
    if any(map(never_ran, results)):
        return f"{node_id} never ran on arm {arm.name}: the session ended before it."
    return None


def _differs(node_id: str, arm: ArmResult, results: Sequence[TestResult]) -> str | None:
    """Return why the repeats disagree: a flip, or company that decides how a test ends."""
    endings = {result.outcome for result in results}
    if len(endings) == 1:
        return None
    apart = {result.outcome for result in results if result.mode is TestMode.APART}
    beside = {result.outcome for result in results if result.mode is not TestMode.APART}
    if apart and len(beside) == 1 and not apart & beside:
        return (
            f"{node_id} hangs on other files on arm {arm.name}: where those of the other linked "
            f"tests are loaded it {_ended(beside)}, by itself it {_ended(apart)}. Or on chance: on "
            "random numbers, on the hash seed, on time."
        )
    alone = {result.outcome for result in results if result.mode is TestMode.ALONE}
    if len(alone) != 1:
        words = " and ".join(sorted(endings))
        return f"{node_id} flips on arm {arm.name}: {words} in {len(results)} repeats."
    together = endings - alone or endings
    told = f"alone it {_ended(alone)}, together with the other linked tests it {_ended(together)}."
    hints = [hint for hint in arm.hints if node_id in hint]
    if hints:
        found = " ".join(hints)
        return f"{node_id} depends on its neighbours on arm {arm.name}: {told} {found}"
    return (
        f"{node_id} flips on arm {arm.name}: {told} No test was found that it depends on, so it "
        "may hang on chance: on random numbers, on the hash seed, on time."
    )


def _ended(endings: Collection[TestOutcome]) -> str:
    words = {TestOutcome.PASSED: "passes", TestOutcome.FAILED: "fails"}
    return " or ".join(sorted(words.get(one, f"is {one.value}") for one in endings))


def _too_few(
    node_id: str, arm: ArmResult, results: Sequence[TestResult], repeats: int
) -> str | None:
    if len({result.repeat for result in results}) >= repeats:
        return None
    return f"{node_id} ran {len(results)} times on arm {arm.name} where {repeats} were planned."


def _no_verdict(arm: ArmResult, result: TestResult) -> str | None:
    """Return why a result neither passes nor can show a failure; None where it does."""
    match result.outcome:
        case TestOutcome.PASSED:
            return None
        case TestOutcome.FAILED | TestOutcome.ERROR:
            return _shows_no_defect(arm, result)
        case _:
            return (
                f"{result.node_id} was {result.outcome.value} on arm {arm.name}, "
                "which shows nothing."
            )


def _shows_no_defect(arm: ArmResult, result: TestResult) -> str | None:
    cause = cause_of(result)
    detail = f": {result.message}" if result.message else ""
    where = f" ({place_of(result)})" if result.file is not None else ""
    if cause is Cause.ENVIRONMENT:
        return (
            f"{result.node_id} failed on arm {arm.name} for what the environment lacks or "
            f"the sandbox refuses, which shows nothing of the package{where}{detail}"
        )
    if cause is Cause.TEST:
        return (
            f"{result.node_id} is broken itself on arm {arm.name}, which shows nothing of "
            f"the package{where}{detail}"
        )
    if result.demonstrates_failure:
        return None
    phase = result.phase or "collection"
    return f"{result.node_id} broke in {phase} on arm {arm.name}{where}{detail}"
