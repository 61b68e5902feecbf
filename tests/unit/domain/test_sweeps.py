"""What the executions of a ticket's tests amount to when it is looked at again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.causes import Cause
from app.domain.evidence import EvidenceState
from app.domain.runs import TestOutcome, TestResult
from app.domain.sweeps import (
    Attempt,
    Ending,
    Expected,
    Standing,
    attempts_of,
    expected,
    judge,
    wants_more,
)
from app.domain.tickets import Resolution

CLOSED = Standing(Expected.PASS, is_final=True, resolution=Resolution.FIXED)
OPEN = Standing(Expected.FAIL)
LETTERS = {
    "p": Attempt(Ending.PASSED),
    "f": Attempt(Ending.FAILED, "AssertionError at one"),
    "F": Attempt(Ending.FAILED, "ValueError at two"),
    "x": Attempt(Ending.NOTHING, reason="timed-out"),
}


def seen_of(words: str) -> dict[str, tuple[Attempt, ...]]:
    """Tests a, b … with one letter an execution, as in ``ppp fff``; ``-`` never ran."""
    return {
        name: tuple(LETTERS[letter] for letter in word.replace("-", ""))
        for name, word in zip("abc", words.split(), strict=False)
    }


VERDICTS = [
    # Closed as fixed.
    (CLOSED, "p", "held", False),
    (CLOSED, "fff", "regressed", True),
    (CLOSED, "fffffff ppp", "regressed", True),
    (CLOSED, "fff xxx", "regressed", True),
    (CLOSED, "fpp", "flaky", False),
    (CLOSED, "ffp", "flaky", False),
    (CLOSED, "fFf", "flaky", False),
    (CLOSED, "fxx", "infrastructure", False),
    (CLOSED, "x", "infrastructure", False),
    (CLOSED, "p -", "infrastructure", False),
    (CLOSED, "", "infrastructure", False),
    # It was closed while the sweep ran, so its failure was not looked at closely.
    (CLOSED, "f", "held-by-decision", False),
    (replace(CLOSED, decided=True), "fff", "held-by-decision", False),
    (replace(CLOSED, decided=True), "p", "held", False),
    (replace(CLOSED, follows=False), "fff", "not-applicable", False),
    (replace(CLOSED, follows=False), "fpp", "not-applicable", False),
    (replace(CLOSED, follows=False), "p", "held", False),
    (replace(CLOSED, flips=frozenset({"a"})), "fffffff", "flaky", False),
    (replace(CLOSED, flips=frozenset({"a"})), "fff fff", "regressed", True),
    (replace(CLOSED, resolution=Resolution.ALREADY_FIXED), "fff", "regressed", True),
    # Evidence says what was; it opens nothing that was closed for another reason.
    (replace(CLOSED, resolution=Resolution.NOT_A_BUG), "fff", "regressed", False),
    (Standing(Expected.PASS), "fff", "regressed", False),
    # Open, and the defect is known to be there.
    (OPEN, "f", "held", False),
    (OPEN, "ppp", "repaired", False),
    (OPEN, "ppp ppp", "repaired", False),
    (OPEN, "p", "held", False),
    (OPEN, "ppp f", "held", False),
    (OPEN, "pfp", "flaky", False),
    (OPEN, "x", "infrastructure", False),
    (replace(OPEN, in_force=False), "ppp", "held", False),
    (replace(OPEN, is_final=True), "ppp", "held", False),
    # Nothing is known, and a sweep decides nothing.
    (Standing(Expected.UNKNOWN), "f", "held", False),
    (Standing(Expected.UNKNOWN), "p", "held", False),
    (Standing(Expected.UNKNOWN), "x", "infrastructure", False),
]


@pytest.mark.parametrize(("standing", "seen", "verdict", "reopens"), VERDICTS)
def test_a_verdict(standing: Standing, seen: str, verdict: str, reopens: bool) -> None:
    found = judge(standing, seen_of(seen))

    assert (found.verdict, found.reopens) == (verdict, reopens), found.reason
    assert found.reason or verdict == "held"
    assert bool(found.signature) == (verdict == "regressed") or verdict == "held-by-decision"


@pytest.mark.parametrize(
    ("known", "seen", "more"),
    [
        ("pass", "p p", False),
        ("pass", "p f", True),
        ("pass", "p x", False),
        ("fail", "f", False),
        ("fail", "p", True),
        ("fail", "p f", False),
        ("fail", "p -", False),
        ("unknown", "f", False),
    ],
)
def test_what_runs_again(known: str, seen: str, more: bool) -> None:
    assert wants_more(Expected(known), seen_of(seen)) is more


@pytest.mark.parametrize(
    ("state", "final", "resolution", "known"),
    [
        ("proven", False, None, "pass"),
        ("passing", False, None, "pass"),
        ("reproduced", False, None, "fail"),
        ("regressed", False, None, "fail"),
        ("fix-ready", False, None, "fail"),
        (None, False, None, "unknown"),
        (None, True, "fixed", "pass"),
        ("reproduced", True, "already-fixed", "pass"),
        ("reproduced", True, "not-a-bug", "fail"),
    ],
)
def test_what_is_known(state: str | None, final: bool, resolution: str | None, known: str) -> None:
    found = expected(
        None if state is None else EvidenceState(state),
        is_final=final,
        resolution=None if resolution is None else Resolution(resolution),
    )
    assert found == known


def test_results_in_their_order_are_executions() -> None:
    results = [
        TestResult("a", TestOutcome.FAILED, "call", cause=Cause.ASSERTION, repeat=2),
        TestResult("a", TestOutcome.PASSED, "call", repeat=1),
        TestResult("b", TestOutcome.FAILED, "call", cause=Cause.ENVIRONMENT),
        TestResult("c", TestOutcome.SKIPPED, "setup"),
    ]
    found = attempts_of(["a", "b", "c", "d"], results)

    endings = {name: [one.ending.value for one in some] for name, some in found.items()}
    assert endings == {"a": ["passed", "failed"], "b": ["nothing"], "c": ["nothing"], "d": []}
