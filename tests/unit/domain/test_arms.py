"""Which arms a run has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.arms import PATCH_NAME, mismatch, patch_order, plan_arms, proof_by
from app.domain.evidence import ProofBy
from app.domain.runs import ArmPlan, RunKind, SubmittedFile
from tests.factories.runs import a_plan

# Patches as "name:how it applies"; arms as "name", "name+patch" or "name-patch" (in reverse).
CASES = [
    ("fix:forward", "before after+fix"),
    ("fix:both", "before after+fix"),
    ("fix:reverse", "before-fix after"),
    ("fix:forward defect:forward", "before after+fix"),
    ("fix:reverse defect:forward", "before-fix after"),
    ("fix:no defect:forward", "before+defect after"),
    ("defect:forward", "before+defect after"),
    ("defect:both", "before+defect after"),
    ("defect:forward defect-2:forward", "before+defect before-2+defect-2 after"),
    ("defect-2:forward defect:forward", "before+defect before-2+defect-2 after"),
    ("defect-10:forward defect-9:forward", "before+defect-9 before-2+defect-10 after"),
    # What does not apply takes no place.
    ("defect:no defect-2:forward", "before+defect-2 after"),
    # A defect that applies in reverse is in the package: there is nothing to plant.
    ("defect:reverse", None),
    ("fix:no", None),
    ("fix:no defect:no", None),
    ("", None),
]


@pytest.mark.parametrize(("patches", "arms"), CASES)
def test_the_arms_of_a_proof(patches: str, arms: str | None) -> None:
    found = plan_arms(RunKind.PROOF, _patches(patches))

    assert (None if found is None else " ".join(map(_word, found))) == arms


@pytest.mark.parametrize("patches", ["", "fix:forward", "fix:no defect:forward"])
def test_a_check_runs_on_the_bundled_package_only(patches: str) -> None:
    assert plan_arms(RunKind.CHECK, _patches(patches)) == (ArmPlan("bundled"),)


@pytest.mark.parametrize(
    ("patches", "by"), [("fix:reverse", ProofBy.FIX), ("defect:forward", ProofBy.DEFECT)]
)
def test_a_proof_rests_on_a_kind_of_patch(patches: str, by: ProofBy) -> None:
    arms = plan_arms(RunKind.PROOF, _patches(patches))

    assert arms is not None and proof_by(arms) is by


def test_a_check_rests_on_no_patch() -> None:
    assert proof_by((ArmPlan("bundled"),)) is None


@pytest.mark.parametrize("name", ["fix", "defect", "defect-2", "defect-10", "defect-999"])
def test_names_of_patches(name: str) -> None:
    assert PATCH_NAME.fullmatch(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Fix",
        "fix-2",
        "fix ",
        "defect-",
        "defect-0",
        "defect-1",
        "defect-02",
        "defect-1000",
        "x",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    assert not PATCH_NAME.fullmatch(name)


def test_the_fix_comes_first_and_defects_by_number() -> None:
    names = ["defect-10", "defect-2", "fix", "defect"]

    assert sorted(names, key=patch_order) == ["fix", "defect", "defect-2", "defect-10"]


def _patches(line: str) -> dict[str, tuple[str, str]]:
    pairs = [part.split(":") for part in line.split()]
    return {name: (f"digest of {name}", applies) for name, applies in pairs}


def _word(arm: ArmPlan) -> str:
    if arm.patch is None:
        return arm.name
    assert arm.patch.digest == f"digest of {arm.patch.name}"
    return f"{arm.name}{'-' if arm.patch.reverse else '+'}{arm.patch.name}"


@pytest.mark.parametrize(
    ("suite", "packages", "fits"),
    [
        ("s", {"before": "other", "after": "p"}, True),
        ("s", {"before": "p", "after": "p"}, True),
        ("s", {"before": "p", "after": "other"}, False),
        # With submitted tests too: they are no part of the suite's digest.
        ("other", {"before": "other", "after": "p"}, False),
    ],
)
@pytest.mark.parametrize("submitted", [(), (SubmittedFile("x/test_x.py", "d"),)])
def test_a_run_is_bound_to_the_files_that_it_was_planned_with(
    suite: str, packages: dict[str, str], fits: bool, submitted: tuple[SubmittedFile, ...]
) -> None:
    plan = replace(a_plan("a"), submitted=submitted)

    wrong = mismatch(plan, suite=suite, packages=packages)

    assert (wrong is None) is fits
    assert wrong is None or "waits for a worker with package p and suite s" in wrong
