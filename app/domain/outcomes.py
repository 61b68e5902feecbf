"""What the results of a run amount to: pure rules, by precedence.

``error`` > ``timed-out`` > ``inconclusive`` > ``cannot-fail`` > ``not-fixed`` >
``breaks-others`` > ``proven``; a check knows the first three, then ``failed`` and ``passed``.

A test *fails* when its body fails (call phase). Missing, skipped, errored or xfailed is neither
a pass nor a failure: it shows nothing, so the run is inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.domain.runs import (
    ArmResult,
    RunKind,
    RunOutcome,
    RunPlan,
    TestOutcome,
    TestPurpose,
    TestResult,
    Verdict,
)


def decide(kind: RunKind, plan: RunPlan, arms: Sequence[ArmResult]) -> Verdict:
    """Return what `arms`, run as `plan` says, show."""
    for rule in (_machinery_failed, _deadline_met, _shows_nothing):
        verdict = rule(plan, arms)
        if verdict is not None:
            return verdict
    if kind is RunKind.CHECK:
        return _decide_check(plan, arms[0])
    return _decide_proof(plan, arms)


def _machinery_failed(plan: RunPlan, arms: Sequence[ArmResult]) -> Verdict | None:
    for arm in arms:
        if arm.failure is not None:
            return Verdict(RunOutcome.ERROR, f"Arm {arm.name}: {arm.failure}")
    planned = [arm.name for arm in plan.arms]
    reported = [arm.name for arm in arms]
    if planned != reported:
        return Verdict(
            RunOutcome.ERROR,
            f"The arms {', '.join(planned)} were planned, but {', '.join(reported)} reported.",
        )
    return None


def _deadline_met(_plan: RunPlan, arms: Sequence[ArmResult]) -> Verdict | None:
    for arm in arms:
        for result in arm.results:
            if result.outcome is TestOutcome.TIMED_OUT:
                return Verdict(
                    RunOutcome.TIMED_OUT, f"{result.node_id} met its deadline on arm {arm.name}."
                )
        if arm.timed_out:
            return Verdict(RunOutcome.TIMED_OUT, f"Arm {arm.name} met its deadline.")
    return None


def _shows_nothing(plan: RunPlan, arms: Sequence[ArmResult]) -> Verdict | None:
    for arm in arms:
        reason = next(_inconclusive_reasons(plan, arm), None)
        if reason is not None:
            return Verdict(RunOutcome.INCONCLUSIVE, reason)
    return None


def _inconclusive_reasons(plan: RunPlan, arm: ArmResult) -> Iterator[str]:
    if not arm.results:
        yield f"Arm {arm.name} ran no test."
    for test in plan.tests:
        results = _of(arm, test.node_id)
        outcomes = {result.outcome for result in results}
        if len(outcomes) > 1:
            words = " and ".join(sorted(outcomes))
            yield f"{test.node_id} flips on arm {arm.name}: {words} in {len(results)} repeats."
        elif not outcomes:
            yield f"{test.node_id} did not run on arm {arm.name}."
        else:
            yield from _no_verdict(arm, results[0])
        if (
            test.purpose is TestPurpose.GUARDS
            and arm.name.startswith("before")
            and any(result.demonstrates_failure for result in results)
        ):
            yield (
                f"{test.node_id} guards, so it should pass on every arm, but it fails on "
                f"{arm.name}. Link it with purpose demonstrates if it is meant to fail there."
            )


def _no_verdict(arm: ArmResult, result: TestResult) -> Iterator[str]:
    match result.outcome:
        case TestOutcome.PASSED:
            return
        case TestOutcome.FAILED if result.phase == "call":
            return
        case TestOutcome.FAILED | TestOutcome.ERROR:
            where = result.phase or "collection"
            detail = f": {result.message}" if result.message else ""
            yield f"{result.node_id} broke in {where} on arm {arm.name}{detail}"
        case _:
            yield (
                f"{result.node_id} was {result.outcome.value} on arm {arm.name}, "
                "which shows nothing."
            )


def _decide_check(plan: RunPlan, arm: ArmResult) -> Verdict:
    failing = [test.node_id for test in plan.tests if _fails(arm, test.node_id)]
    if failing:
        return Verdict(
            RunOutcome.FAILED,
            f"{len(failing)} of {len(plan.tests)} linked tests fail on the bundled package.",
        )
    return Verdict(
        RunOutcome.PASSED, f"All {len(plan.tests)} linked tests pass on the bundled package."
    )


def _decide_proof(plan: RunPlan, arms: Sequence[ArmResult]) -> Verdict:
    *before, after = arms
    blind = _cannot_fail(plan, before)
    if blind is not None:
        return Verdict(RunOutcome.CANNOT_FAIL, blind)
    unfixed = [test.node_id for test in plan.tests if _fails(after, test.node_id)]
    if unfixed:
        return Verdict(
            RunOutcome.NOT_FIXED, f"Still failing on the arm after: {', '.join(unfixed)}."
        )
    broken = _broken(plan, before, after)
    if broken:
        return Verdict(
            RunOutcome.BREAKS_OTHERS,
            f"{len(broken)} other tests passed before and do not pass after: {', '.join(broken)}.",
            also_broken=broken,
        )
    return Verdict(
        RunOutcome.PROVEN,
        "The linked tests fail on the defective package and pass on the fixed one, "
        f"and none of the {len(plan.others)} other tests broke.",
        also_broken=(),
    )


def _cannot_fail(plan: RunPlan, before: Sequence[ArmResult]) -> str | None:
    demonstrating = [t.node_id for t in plan.tests if t.purpose is TestPurpose.DEMONSTRATES]
    for arm in before:
        if not any(_fails(arm, node_id) for node_id in demonstrating):
            return f"Arm {arm.name} makes none of the linked tests fail."
    for node_id in demonstrating:
        if not any(_fails(arm, node_id) for arm in before):
            return f"{node_id} fails on no defective arm, so its passing shows nothing."
    return None


def _broken(plan: RunPlan, before: Sequence[ArmResult], after: ArmResult) -> tuple[str, ...]:
    passed_before = {
        result.node_id
        for arm in before
        for result in arm.results
        if result.outcome is TestOutcome.PASSED
    }
    passed_after = {r.node_id for r in after.results if r.outcome is TestOutcome.PASSED}
    return tuple(n for n in plan.others if n in passed_before and n not in passed_after)


def flips(arms: Sequence[ArmResult]) -> tuple[str, ...]:
    """Return the tests that ended differently in repeats on the same arm."""
    found: dict[str, None] = {}
    for arm in arms:
        seen: dict[str, TestOutcome] = {}
        for result in arm.results:
            if seen.setdefault(result.node_id, result.outcome) is not result.outcome:
                found[result.node_id] = None
    return tuple(found)


def _of(arm: ArmResult, node_id: str) -> list[TestResult]:
    return [result for result in arm.results if result.node_id == node_id]


def _fails(arm: ArmResult, node_id: str) -> bool:
    return any(result.demonstrates_failure for result in _of(arm, node_id))
