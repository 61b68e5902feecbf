"""A patch that leads the other way than its name says is noticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.domain.runs import (
    ArmResult,
    PatchUse,
    Run,
    RunKind,
    RunOutcome,
    RunStatus,
    TestOutcome,
    TestResult,
)
from app.domain.tickets import PatchInfo, TestLink, Ticket
from app.domain.wrong_way import wrong_way
from tests.factories.tickets import a_ticket

LATER = datetime(2026, 1, 2, tzinfo=UTC)
TEST = "tests/test_scale.py::test_scale"
LINK = TestLink(UUID(int=1), TEST, "demonstrates", "manual")


def ticket_with(**patches: str) -> Ticket:
    infos = {name: PatchInfo(f"d-{name}", "bob", LATER, how) for name, how in patches.items()}
    return a_ticket(tests=(LINK,), patches=infos)


def arm(name: str, outcome: str, patch: PatchUse | None = None) -> ArmResult:
    result = TestResult(f"{TEST}[1]", TestOutcome(outcome), "call", 0.1)
    return ArmResult(name, "p", (result,), patch)


def proof(*arms: ArmResult) -> Run:
    return Run(
        UUID(int=2), "B5-DRL-01", "kasmina", RunKind.PROOF, RunStatus.FINISHED,
        RunOutcome.CANNOT_FAIL, None, "bob", 1, LATER, LATER, LATER, 3, None, arms,
    )  # fmt: skip


FIX, DEFECT = PatchUse("fix", "d-fix"), PatchUse("defect", "d-defect")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [("passed", "failed", ("fix",)), ("failed", "passed", ()), ("passed", "passed", ())],
)
def test_a_fix_with_which_the_tests_fail_is_the_wrong_way_round(
    before: str, after: str, expected: tuple[str, ...]
) -> None:
    run = proof(arm("before", before), arm("after", after, FIX))

    assert wrong_way(ticket_with(fix="forward"), run) == expected


def test_a_defect_that_mends_is_the_wrong_way_round() -> None:
    run = proof(arm("before", "passed", DEFECT), arm("after", "failed"))

    assert wrong_way(ticket_with(defect="forward"), run) == ("defect",)


def test_a_defect_that_fits_only_in_reverse_needs_no_run() -> None:
    found = ticket_with(**{"defect": "forward", "defect-2": "reverse", "fix": "reverse"})

    assert wrong_way(found, None) == ("defect-2",)


def test_what_a_run_says_of_another_patch_does_not_count() -> None:
    other = replace(FIX, digest="older")
    run = proof(arm("before", "passed"), arm("after", "failed", other))

    assert wrong_way(ticket_with(fix="forward"), run) == ()
