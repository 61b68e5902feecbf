"""From the reports that pytest makes of a test's phases to the one result of the test. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.runs import TestOutcome, TestResult
from app.sandbox.report_text import clip_bytes


@dataclass(frozen=True)
class Phase:
    """One report of pytest about one test."""

    phase: str
    outcome: str
    duration: float
    expected_failure: bool
    message: str | None
    traceback: str | None
    stdout: str | None


def merge(node_id: str, phases: list[Phase], repeat: int, output_bytes: int) -> TestResult:
    """One result from the reports of a test's phases.

    The first that did not pass decides, except that a failing tear-down after a call that failed
    or was skipped adds nothing.
    """
    decisive = next((p for p in phases if p.outcome != "passed"), None)
    if decisive is None:
        decisive = next(p for p in phases if p.phase == "call")
    stdout = "".join(p.stdout or "" for p in phases)
    return TestResult(
        node_id=node_id,
        outcome=_outcome(decisive),
        phase=decisive.phase,
        duration_s=sum(p.duration for p in phases),
        message=decisive.message,
        traceback=decisive.traceback,
        stdout=clip_bytes(stdout, output_bytes) or None,
        repeat=repeat,
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
    return TestOutcome.FAILED
