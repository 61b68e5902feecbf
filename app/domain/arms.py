"""Which arms a run has: pure, from the ticket's patches and how they apply."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import chain, count

from app.domain.evidence import ProofBy
from app.domain.runs import ArmPlan, ArmResult, PatchUse, RunKind, RunPlan

PATCH_NAME = re.compile(r"fix|defect(?:-(?:[2-9]|[1-9]\d{1,2}))?")
"""``fix``, ``defect``, ``defect-2`` …"""

FIX = "fix"
"""The name of the patch that mends the defect."""
MUTANT = "mutant"
"""The name of the patch of a run against a mutant."""


def patch_order(name: str) -> tuple[int, int]:
    """Return a sort key: the fix, then defects by number."""
    kind, _, number = name.partition("-")
    return (0 if kind == "fix" else 1, int(number or 1))


def next_defect(names: Collection[str]) -> str:
    """Return the first name of a defect that is not among `names`."""
    numbered = (f"defect-{number}" for number in count(2))
    return next(name for name in chain(("defect",), numbered) if name not in names)


def plan_arms(kind: RunKind, patches: Mapping[str, tuple[str, str]]) -> tuple[ArmPlan, ...] | None:
    """Return the arms of a run, or None for a proof without a patch that applies.

    Args:
        kind: of the run; all but a proof, and what reduces a fix, run on the package as it ships.
        patches: (digest, how it applies: ``forward``, ``reverse``, ``both`` or ``no``) by name.

    A fix that applies makes before = bundled and after = bundled + fix. One that applies only in
    reverse has landed: before = bundled - fix, after = bundled. Otherwise each defect patch that
    applies makes an arm before, and after = bundled.
    """
    if kind not in (RunKind.PROOF, RunKind.MINIMISE):
        return (ArmPlan("bundled"),)
    if "fix" in patches:
        digest, applies = patches["fix"]
        if applies in ("forward", "both"):
            return ArmPlan("before"), ArmPlan("after", PatchUse("fix", digest))
        if applies == "reverse":
            return ArmPlan("before", PatchUse("fix", digest, reverse=True)), ArmPlan("after")
    usable = [
        PatchUse(name, digest)
        for name, (digest, applies) in sorted(patches.items(), key=lambda p: patch_order(p[0]))
        if name != "fix" and applies in ("forward", "both")
    ]
    if not usable:
        return None
    before = [
        ArmPlan("before" if n == 1 else f"before-{n}", use) for n, use in enumerate(usable, 1)
    ]
    return (*before, ArmPlan("after"))


def mismatch(plan: RunPlan, *, suite: str, packages: Mapping[str, str]) -> str | None:
    """Return why a worker's files are not those that a run was triggered for, or None.

    Args:
        plan: as it was frozen.
        suite: digest of the worker's suite, without submitted files.
        packages: digests of the prepared packages by arm.
    """
    moved = [
        arm
        for arm in plan.arms
        if arm.patch is None and packages[arm.name] != (arm.package_digest or plan.package_digest)
    ]
    if suite == plan.suite_digest and not moved:
        return None
    for arm in moved:
        if arm.revision is not None:
            return (
                f"waits for a worker whose repository holds {arm.revision[:10]} as it was; trigger "
                "it again if that is gone"
            )
    return (
        f"waits for a worker with package {plan.package_digest[:12]} and suite "
        f"{plan.suite_digest[:12]}; trigger it again if those are gone"
    )


def ships(arm: ArmPlan | ArmResult, plan: RunPlan) -> bool:
    """Tell whether an arm holds the package that was in force when the run was triggered."""
    return arm.patch is None and arm.package_digest in ("", plan.package_digest)


def judged_last(arms: Sequence[ArmPlan]) -> int:
    """Return the position of the arm after of a proof; of a check, of its one arm."""
    return next((n for n, arm in enumerate(arms) if arm.name == "after"), len(arms) - 1)


def plan_history(before: ArmPlan, after: ArmPlan, in_force: ArmPlan) -> tuple[ArmPlan, ...]:
    """Return the arms of a proof from history.

    Both sides are code that exists, so that nobody wrote a patch to please a test. Where after is
    not what is in force, the tests run there too.
    """
    if after.revision == in_force.revision:
        return before, after
    return before, after, in_force


def proof_by(arms: Sequence[ArmPlan]) -> ProofBy | None:
    """Return what a proof rests on: which kind of patch, or history; None for a check."""
    if len(arms) > 1 and any(arm.revision is not None for arm in arms):
        return ProofBy.HISTORY
    names = {arm.patch.name for arm in arms if arm.patch is not None}
    if not names:
        return None
    return ProofBy.FIX if "fix" in names else ProofBy.DEFECT
