"""How much of what tests printed is stored with a run, and how much of a run one answer holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.runs import ArmResult, TestOutcome, TestResult

MOST_CHARS = 8 << 20
"""Of the texts of an arm's results; a result holds up to a few hundred thousand."""
_NAMES_KEPT = 20
"""Of the skipped subtests of a result whose texts are not kept."""
MOST_SHOWN = 2000
"""Results of a run in one answer, all arms together; more has no suite of usual size."""


@dataclass(frozen=True)
class PlacedResult:
    """A result of a run, and where it stands."""

    position: tuple[int, int]
    """Of its arm, and in it; from 0."""
    arm: str
    result: TestResult


def storable(arm: ArmResult) -> ArmResult:
    """Return `arm` with as much text as is stored: of tests that did not pass first."""
    sizes = [_chars(result) for result in arm.results]
    if sum(sizes) <= MOST_CHARS:
        return arm
    order = sorted(
        range(len(sizes)), key=lambda n: (arm.results[n].outcome is TestOutcome.PASSED, n)
    )
    left = MOST_CHARS
    kept = list(arm.results)
    for n in order:
        if sizes[n] <= left:
            left -= sizes[n]
        else:
            kept[n] = _bare(kept[n])
    told = (
        f"The tests printed more than {MOST_CHARS >> 20} MiB on an arm, and no more is kept: what "
        "some of them printed is missing."
    )
    return replace(arm, results=tuple(kept), hints=(*arm.hints, told))


def _chars(result: TestResult) -> int:
    texts: Sequence[str | None] = (
        result.message,
        result.traceback,
        result.stdout,
        result.log,
        *result.warnings,
        *result.skipped_subtests,
        *(part for pair in result.properties for part in pair),
    )
    return sum(len(text) for text in texts if text)


def _bare(result: TestResult) -> TestResult:
    return replace(
        result,
        message=result.message and result.message[:200],
        traceback=None,
        stdout=None,
        log=None,
        warnings=(),
        skipped_subtests=result.skipped_subtests[:_NAMES_KEPT],
        properties=(),
    )
