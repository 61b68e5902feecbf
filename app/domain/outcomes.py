"""What the results of a run amount to: pure rules, by precedence.

``error`` > ``timed-out`` > ``inconclusive`` > ``cannot-fail`` > ``not-fixed`` >
``breaks-others`` > ``proven``; a check knows the first three, then ``failed`` and ``passed``.

What one linked test shows on one arm is read in `app.domain.readings`, and what became of the rest
of the suite in `app.domain.others`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from app.domain import others
from app.domain.arms import judged_last, proof_by
from app.domain.causes import Cause
from app.domain.evidence import ProofBy
from app.domain.others import named
from app.domain.readings import Reading, Shows, demonstrates, read_all
from app.domain.runs import (
    ArmResult,
    RunKind,
    RunOutcome,
    RunPlan,
    TestOutcome,
    TestPurpose,
    Verdict,
)

LEAST_REPEATS = 3
"""Fewer repeats never prove anything: a test that falls either way agrees with itself too often."""

Readings = Mapping[str, Mapping[str, Reading]]
"""By arm and test."""


def decide(
    kind: RunKind,
    plan: RunPlan,
    arms: Sequence[ArmResult],
    *,
    passed_before: Collection[str] = (),
) -> Verdict:
    """Return what `arms`, run as `plan` says, show.

    Args:
        kind: check or proof.
        plan: what was to be run.
        arms: what was reported.
        passed_before: tests that, unchanged and in the same environment, passed on another package
            in an earlier run.
    """
    verdict = _machinery_failed(plan, arms) or _deadline_met(plan, arms)
    if verdict is not None:
        return verdict
    linked = [test.node_id for test in plan.tests]
    readings = {arm.name: read_all(linked, arm, plan.repeats) for arm in arms}
    # What came after is asked only once before and after have shown something.
    judged = arms[: judged_last(plan.arms) + 1]
    reason = next(_inconclusive_reasons(plan, judged, readings, passed_before), None)
    if reason is not None:
        return Verdict(RunOutcome.INCONCLUSIVE, reason)
    if kind is RunKind.CHECK:
        return _decide_check(plan, readings[arms[0].name])
    return _decide_proof(plan, arms, readings)


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


def _deadline_met(plan: RunPlan, arms: Sequence[ArmResult]) -> Verdict | None:
    linked = {test.node_id for test in plan.tests}
    for arm in arms:
        for result in arm.results:
            if result.outcome is TestOutcome.TIMED_OUT and result.node_id in linked:
                return Verdict(
                    RunOutcome.TIMED_OUT, f"{result.node_id} met its deadline on arm {arm.name}."
                )
        if arm.timed_out:
            return Verdict(RunOutcome.TIMED_OUT, f"Arm {arm.name} met its deadline.")
    return None


def _inconclusive_reasons(
    plan: RunPlan,
    arms: Sequence[ArmResult],
    readings: Readings,
    passed_before: Collection[str],
) -> Iterator[str]:
    for arm in arms:
        if not arm.results:
            yield f"Arm {arm.name} ran no test."
        for reading in readings[arm.name].values():
            if reading.shows is Shows.NOTHING:
                yield reading.reason
    judged = {arm.name: readings[arm.name] for arm in arms}
    yield from _guards_that_fail(plan, judged)
    for test in plan.tests:
        yield from _interfaces(test.node_id, judged, passed_before)
        yield from _subtests_skipped_here_only(test.node_id, judged)


def _guards_that_fail(plan: RunPlan, readings: Readings) -> Iterator[str]:
    guards = [test.node_id for test in plan.tests if test.purpose is TestPurpose.GUARDS]
    for arm, of_arm in readings.items():
        if not arm.startswith("before"):
            continue
        for node_id in guards:
            if of_arm[node_id].shows is Shows.FAILS:
                yield (
                    f"{node_id} guards, so it should pass on every arm, but it fails on "
                    f"{arm}. Link it with purpose demonstrates if it is meant to fail there."
                )


def _interfaces(node_id: str, readings: Readings, passed_before: Collection[str]) -> Iterator[str]:
    mine = [of_arm[node_id] for of_arm in readings.values()]
    passed = {node_id} if any(one.shows is Shows.PASSES for one in mine) else set()
    for reading in mine:
        if reading.shows is Shows.FAILS and not demonstrates(
            reading, passed_elsewhere=passed.union(passed_before)
        ):
            at = f" ({reading.place})" if reading.place else ""
            yield (
                f"{node_id} fails on arm {reading.arm} for how it calls the package{at}. It never "
                "passed on any package, so this may be a mistake of the test: let it pass once."
            )


def _subtests_skipped_here_only(node_id: str, readings: Readings) -> Iterator[str]:
    skipped = [of_arm[node_id].skipped_subtests for of_arm in readings.values()]
    differing = frozenset[str]().union(*skipped) - frozenset(skipped[0]).intersection(*skipped)
    if differing:
        yield (
            f"{node_id} skips a subtest on one arm that it does not skip on another, which shows "
            f"nothing: {named(sorted(differing))}."
        )


def _decide_check(plan: RunPlan, readings: Mapping[str, Reading]) -> Verdict:
    revision = plan.arms[0].revision
    where = "on the bundled package" if revision is None else f"at {revision[:10]}"
    failing = [one for one in readings.values() if one.shows is Shows.FAILS]
    if failing:
        return Verdict(
            RunOutcome.FAILED,
            f"{len(failing)} of {len(plan.tests)} linked tests fail {where}.",
        )
    return Verdict(
        RunOutcome.PASSED,
        f"All {len(plan.tests)} linked tests pass {where}." + _skipped_alike([readings]),
    )


def _decide_proof(plan: RunPlan, arms: Sequence[ArmResult], readings: Readings) -> Verdict:
    at = judged_last(plan.arms)
    before, after, now = arms[:at], arms[at], arms[at + 1 :]
    of_before = [readings[arm.name] for arm in before]
    of_after = readings[after.name]
    same = _both_are_one(plan, before, after)
    blind = _cannot_fail(plan, {arm.name: readings[arm.name] for arm in before})
    if blind is not None:
        turned = _brings_it_in(plan, before, after, of_after)
        return Verdict(RunOutcome.CANNOT_FAIL, f"{turned or blind}{same}")
    unfixed = [one for one in of_after.values() if one.shows is Shows.FAILS]
    if unfixed:
        return Verdict(RunOutcome.NOT_FIXED, f"{_not_fixed(unfixed, of_before)}{same}")
    comparison = others.compare(
        plan.others, before, after, files=[file.path for file in plan.others_submitted]
    )
    if comparison.broken:
        return Verdict(
            RunOutcome.BREAKS_OTHERS,
            _breaks(comparison),
            also_broken=comparison.broken,
            compared=comparison.compared,
            not_comparable=comparison.not_comparable,
        )
    outcome, reason = _proven(plan, comparison, of_before)
    for arm in now:
        outcome, reason = _still(outcome, reason, readings[arm.name], of_before)
    return Verdict(
        outcome,
        reason + _skipped_alike(list(readings.values())),
        compared=comparison.compared,
        not_comparable=comparison.not_comparable,
        without_assertion=outcome is RunOutcome.PROVEN and not _asserted(of_before),
    )


def _proven(
    plan: RunPlan, comparison: others.Comparison, before: Sequence[Mapping[str, Reading]]
) -> tuple[RunOutcome, str]:
    if comparison.unsteady:
        return RunOutcome.INCONCLUSIVE, (
            "Other tests pass steadily before, and only sometimes after: "
            f"{named(comparison.unsteady)}. Run it again; a patch that makes a test unsteady "
            "breaks it."
        )
    if plan.repeats < LEAST_REPEATS:
        return RunOutcome.INCONCLUSIVE, (
            "The linked tests fail on the defective package and pass on the fixed one, but "
            f"{plan.repeats} of the {LEAST_REPEATS} repeats that a proof needs were asked for."
        )
    said = "The linked tests fail on the defective package and pass on the fixed one"
    if not _asserted(before):
        said = f"It is proven, but no assertion failed ({_causes(before)}). {said}"
    return RunOutcome.PROVEN, f"{said}, and {others.sentence(comparison)}."


def _both_are_one(plan: RunPlan, before: Sequence[ArmResult], after: ArmResult) -> str:
    """Say so where a proof from history has the same package on both sides."""
    if proof_by(plan.arms) is not ProofBy.HISTORY:
        return ""
    if any(arm.package_digest != after.package_digest for arm in before):
        return ""
    return (
        " Both sides hold the same package: the commit changes nothing of it, and may only file "
        "the ticket. Name the commit that repairs it."
    )


def _brings_it_in(
    plan: RunPlan,
    before: Sequence[ArmResult],
    after: ArmResult,
    of_after: Mapping[str, Reading],
) -> str | None:
    """Return what to say of a commit that is the beginning of the defect, not its end."""
    failing = [node_id for node_id, one in of_after.items() if one.shows is Shows.FAILS]
    if proof_by(plan.arms) is not ProofBy.HISTORY or not failing:
        return None
    if any(arm.package_digest == after.package_digest for arm in before):
        return None
    commit = (after.revision or "what is in force")[:10]
    return (
        f"This commit brings the defect in: before {commit} the tests pass, and with it they fail "
        f"({named(failing)}). Nothing is proven; name the commit that repairs it."
    )


def _still(
    outcome: RunOutcome,
    reason: str,
    now: Mapping[str, Reading],
    before: Sequence[Mapping[str, Reading]],
) -> tuple[RunOutcome, str]:
    """Return outcome and reason of a proof from history in view of what is in force."""
    if outcome is not RunOutcome.PROVEN:
        return outcome, reason
    for node_id, reading in now.items():
        stale = reading.cause is Cause.INTERFACE and all(
            arm[node_id].signature != reading.signature for arm in before
        )
        if reading.shows is Shows.NOTHING:
            return (
                RunOutcome.INCONCLUSIVE,
                f"{reason} What is in force shows nothing: {reading.reason}",
            )
        if reading.shows is Shows.FAILS and stale:
            return RunOutcome.INCONCLUSIVE, (
                f"{reason} On what is in force {node_id} cannot be run any more, for how it calls "
                f"the package ({reading.place or 'in its own lines'}): bring the test up to date."
            )
    failing = [one.node_id for one in now.values() if one.shows is Shows.FAILS]
    if failing:
        told = f"{reason} But on what is in force they fail: the defect is back ({named(failing)})."
        return outcome, told
    return outcome, f"{reason} They pass on what is in force, too."


def _asserted(before: Sequence[Mapping[str, Reading]]) -> bool:
    return any(one.cause is Cause.ASSERTION for arm in before for one in arm.values())


def _causes(before: Sequence[Mapping[str, Reading]]) -> str:
    failing = [one for arm in before for one in arm.values() if one.shows is Shows.FAILS]
    said = [
        f"{one.node_id}: {one.cause}" + (f" at {one.place}" if one.place else "") for one in failing
    ]
    return named(list(dict.fromkeys(said)))


def _cannot_fail(plan: RunPlan, before: Readings) -> str | None:
    demonstrating = [t.node_id for t in plan.tests if t.purpose is TestPurpose.DEMONSTRATES]
    for arm, readings in before.items():
        if not any(readings[node_id].shows is Shows.FAILS for node_id in demonstrating):
            return f"Arm {arm} makes none of the linked tests fail."
    for node_id in demonstrating:
        if not any(readings[node_id].shows is Shows.FAILS for readings in before.values()):
            return f"{node_id} fails on no defective arm, so its passing shows nothing."
    return None


def _not_fixed(unfixed: Sequence[Reading], before: Sequence[Mapping[str, Reading]]) -> str:
    said = f"Still failing on the arm after: {named([one.node_id for one in unfixed])}."
    same = [
        one.node_id
        for one in unfixed
        if one.signature is not None
        and all(arm[one.node_id].signature == one.signature for arm in before)
    ]
    if same:
        said += f" In the same way on every arm, so none of the patch's doing: {named(same)}."
    return said


def _breaks(comparison: others.Comparison) -> str:
    said = (
        f"{len(comparison.broken)} other tests passed before and do not pass after: "
        f"{named(comparison.broken)}."
    )
    if comparison.broken_together:
        said += (
            " Only together with the rest of the suite, and not alone: "
            f"{named(comparison.broken_together)}."
        )
    return said


def _skipped_alike(arms: Sequence[Mapping[str, Reading]]) -> str:
    names = sorted(
        f"{reading.node_id} [{name}]"
        for reading in arms[0].values()
        for name in reading.skipped_subtests
    )
    return f" Skipped subtests show nothing: {named(names)}." if names else ""


def flips(arms: Sequence[ArmResult]) -> tuple[str, ...]:
    """Return the tests that ended differently in repeats of the same kind on the same arm."""
    found: dict[str, None] = {}
    for arm in arms:
        seen: dict[tuple[str, str], TestOutcome] = {}
        for result in arm.results:
            one = (result.node_id, result.mode.value)
            if seen.setdefault(one, result.outcome) is not result.outcome:
                found[result.node_id] = None
    return tuple(found)
