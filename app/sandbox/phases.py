"""From the reports that pytest makes of a test's phases to the one result of the test. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from app.domain import causes
from app.domain.causes import Cause, Failure
from app.domain.runs import TestMode, TestOutcome, TestResult
from app.sandbox.report_text import clip_bytes


@dataclass(frozen=True)
class Subtest:
    """One report of pytest about a part of a test."""

    name: str
    outcome: str
    expected_failure: bool
    message: str | None = None
    traceback: str | None = None
    stdout: str | None = None
    log: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Phase:
    """One report of pytest about one test."""

    phase: str
    outcome: str
    duration: float
    expected_failure: bool
    message: str | None = None
    traceback: str | None = None
    stdout: str | None = None
    log: str | None = None
    failure: Failure | None = None
    properties: tuple[tuple[str, str], ...] = ()


def merge(
    node_id: str,
    phases: Sequence[Phase],
    subtests: Sequence[Subtest] = (),
    *,
    repeat: int = 1,
    mode: TestMode = TestMode.ALONE,
    warnings: tuple[str, ...] = (),
    output_bytes: int = 1 << 16,
    packages: Collection[str] = (),
    suites: Collection[str] = (),
) -> TestResult:
    """One result from the reports of a test's phases and of its subtests.

    The first phase that did not pass decides, except that a failing tear-down after a call that
    failed or was skipped adds nothing. pytest passes a test whose subtests failed or were expected
    to fail: here they count.
    """
    decisive = next((p for p in phases if p.outcome != "passed"), None)
    if decisive is None:
        decisive = next(p for p in phases if p.phase == "call")
    decisive = _with_subtests(decisive, subtests)
    outcome = _outcome(decisive)
    pieces: tuple[Phase | Subtest, ...] = (*phases[:1], *subtests, *phases[1:])
    result = TestResult(
        node_id=node_id,
        outcome=outcome,
        phase=decisive.phase,
        duration_s=sum(p.duration for p in phases),
        message=decisive.message,
        traceback=decisive.traceback,
        stdout=clip_bytes("".join(p.stdout or "" for p in pieces), output_bytes) or None,
        repeat=repeat,
        mode=mode,
        skipped_subtests=_skipped(subtests),
        log=clip_bytes("".join(p.log or "" for p in pieces), output_bytes) or None,
        warnings=warnings,
        properties=phases[-1].properties,
    )
    if outcome not in (TestOutcome.FAILED, TestOutcome.ERROR):
        return result
    return _with_cause(result, decisive.failure, packages, suites)


def _skipped(subtests: Sequence[Subtest]) -> tuple[str, ...]:
    """Names of those that were skipped; of several with one name the others are numbered."""
    seen: Counter[str] = Counter()
    found = []
    for one in subtests:
        seen[one.name] += 1
        if one.outcome == "skipped" and not one.expected_failure:
            found.append(one.name if seen[one.name] == 1 else f"{one.name} ({seen[one.name]})")
    return tuple(found)


def _with_subtests(decisive: Phase, subtests: Sequence[Subtest]) -> Phase:
    """The phase that decides, when subtests have their say."""
    if decisive.phase != "call" or decisive.outcome == "skipped":
        return decisive
    failed = next((s for s in subtests if s.outcome == "failed"), None)
    if failed is not None and (decisive.outcome == "passed" or decisive.failure is None):
        return replace(
            decisive,
            outcome="failed",
            expected_failure=False,
            message=failed.message,
            traceback=failed.traceback,
            failure=failed.failure,
        )
    expected = next((s for s in subtests if s.expected_failure), None)
    if expected is not None and decisive.outcome == "passed":
        message = expected.message or f"{expected.name} was expected to fail"
        return replace(decisive, outcome="skipped", expected_failure=True, message=message)
    return decisive


def _with_cause(
    result: TestResult, failure: Failure | None, packages: Collection[str], suites: Collection[str]
) -> TestResult:
    if failure is None:
        # A strict xpass, or what pytest itself says of a test, without an exception.
        return replace(result, cause=Cause.TEST)
    place = causes.place(failure, packages=packages, suites=suites)
    return replace(
        result,
        cause=causes.classify(failure, packages=packages, suites=suites),
        file=None if place is None else place.path,
        line=None if place is None else place.line,
        signature=causes.signature(failure, packages=packages, suites=suites),
    )


def _outcome(decisive: Phase) -> TestOutcome:
    if decisive.outcome == "skipped":
        return TestOutcome.XFAILED if decisive.expected_failure else TestOutcome.SKIPPED
    if decisive.outcome == "passed":
        return TestOutcome.XPASSED if decisive.expected_failure else TestOutcome.PASSED
    if decisive.phase != "call":
        return TestOutcome.ERROR
    if (decisive.message or "").startswith("[XPASS(strict)]"):
        return TestOutcome.XPASSED
    if decisive.failure is not None and decisive.failure.kind == causes.NEVER_RAN:
        return TestOutcome.ERROR
    return TestOutcome.FAILED
