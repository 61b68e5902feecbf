"""The verification suite can fail: every defect patch makes the tests of its finding fail.

Each patch is applied to a copy of the package, and the whole suite runs against that copy. The
tests that fail must be the finding's own, or stand in `ALSO_BROKEN` with the reason.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SUITE = Path("tests/verification")
PATCHES = sorted((ROOT / SUITE / "defects").glob("*.patch"))
DRIVER = Path(__file__).with_name("defect_driver.py")

BROKEN_BY_A_BLIND_CACHE = {
    "tests/verification/test_b3_cr_06.py::"
    "test_new_amplitude_takes_effect_on_the_next_forward_pass": "the slot keeps its amplitude in "
    "the same kind of cache; one that ignores the value answers with the old amplitude",
    "tests/verification/test_b3_cr_07.py::"
    "test_forced_amplitude_counts_inside_the_block_and_only_there": "the same, for a forced one",
    "tests/verification/test_kas_19.py::"
    "test_loaded_amplitude_takes_effect_on_the_next_forward_pass": "the same, for a loaded one",
}

ALSO_BROKEN: dict[str, dict[str, str]] = {
    "B2-DRL-09-3": BROKEN_BY_A_BLIND_CACHE,
    "B2-PT-01-3": BROKEN_BY_A_BLIND_CACHE,
    "KAS-33": {
        "tests/verification/test_b2_drl_10.py::"
        "test_gradients_follow_the_seed_input_that_was_passed": "its formula of the gradient "
        "contains tanh, which the defect leaves out",
        "tests/verification/test_b2_drl_10.py::"
        "test_slot_passes_the_tensor_its_seed_was_given": "the same formula, through a slot",
    },
}
"""Patch -> test of another finding -> why the defect breaks that claim too."""

Outcomes = dict[str, Any]


def finding_of(patch: Path) -> str:
    """The key in a patch's name: it ends in two digits or more; one last digit counts patches."""
    match = re.fullmatch(r"([A-Z][A-Z0-9]*(?:-[A-Z]+)?-\d{2,})(?:-\d)?", patch.stem)
    assert match, f"{patch.name} does not name a finding"
    return match[1]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcomes]:
    """Outcomes of the suite by patch name, and of the sound package under ''."""
    scratch = tmp_path_factory.mktemp("arms")
    arms = {"": make_arm(scratch / "sound", None)}
    same: dict[str, str] = {}
    for patch in PATCHES:
        digest = hashlib.sha256(patch.read_bytes()).hexdigest()
        same.setdefault(digest, patch.stem)
        if same[digest] == patch.stem:
            arms[patch.stem] = make_arm(scratch / patch.stem, patch)
    jobs = [{"arm": str(arm), "report": str(arm / "report.json")} for arm in arms.values()]
    subprocess.run(
        [sys.executable, DRIVER], input=json.dumps(jobs), text=True, check=True, timeout=300
    )
    found = {name: json.loads((arm / "report.json").read_text()) for name, arm in arms.items()}
    for patch in PATCHES:
        found[patch.stem] = found[same[hashlib.sha256(patch.read_bytes()).hexdigest()]]
    return found


def make_arm(arm: Path, patch: Path | None) -> Path:
    """A copy of package and suite, with the patch applied at exactly the lines that it names."""
    ignore = shutil.ignore_patterns("__pycache__", "defects")
    shutil.copytree(ROOT / "kasmina", arm / "kasmina", ignore=ignore)
    shutil.copytree(ROOT / SUITE, arm / SUITE, ignore=ignore)
    if patch is not None:
        # Inside some repository, git would apply relative to that one's root and skip our files.
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(arm.parent)}
        applied = subprocess.run(
            ["git", "apply", "--verbose", patch],
            cwd=arm,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert applied.returncode == 0, f"{patch.name} does not apply:\n{applied.stderr}"
        assert "offset" not in applied.stderr, f"{patch.name} is outdated:\n{applied.stderr}"
        assert "Skipped" not in applied.stderr, f"{patch.name} was skipped:\n{applied.stderr}"
    return arm


def failed(outcomes: Outcomes) -> set[str]:
    """Node ids that failed in their call phase."""
    return {
        node for node, test in outcomes["tests"].items() if test["phases"].get("call") == "failed"
    }


def own_tests(outcomes: Outcomes, key: str) -> set[str]:
    return {node for node, test in outcomes["tests"].items() if key in test["findings"]}


def keys_of(outcomes: Outcomes) -> Iterator[str]:
    for test in outcomes["tests"].values():
        yield from test["findings"]


def test_sound_package_passes(reports: dict[str, Outcomes]) -> None:
    sound = reports[""]
    assert failed(sound) == set()
    assert sound["status"] == 0
    assert all(test["findings"] for test in sound["tests"].values()), "a test without a finding"


def test_every_finding_has_a_patch_and_every_patch_a_finding(reports: dict[str, Outcomes]) -> None:
    keys = set(keys_of(reports[""]))
    assert {finding_of(patch) for patch in PATCHES} == keys
    assert len(keys) >= 28


def test_every_test_is_caught_by_a_patch_of_each_of_its_findings(
    reports: dict[str, Outcomes],
) -> None:
    caught = {
        (node, finding_of(patch)) for patch in PATCHES for node in failed(reports[patch.stem])
    }
    claimed = {
        (node, key) for node, test in reports[""]["tests"].items() for key in test["findings"]
    }
    assert claimed - caught == set()


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_defect_is_caught_and_breaks_nothing_unexplained(
    patch: Path, reports: dict[str, Outcomes]
) -> None:
    outcomes = reports[patch.stem]
    assert outcomes["tests"].keys() == reports[""]["tests"].keys()
    for node, test in outcomes["tests"].items():
        phases = test["phases"]
        assert phases.keys() == {"setup", "call", "teardown"}, f"{node} did not run: {phases}"
    own = own_tests(outcomes, finding_of(patch))
    assert failed(outcomes) & own, "the tests of the finding do not notice its defect"
    assert failed(outcomes) - own == ALSO_BROKEN.get(patch.stem, {}).keys()


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_patch_stays_within_the_package(patch: Path) -> None:
    targets = re.findall(r"^(?:---|\+\+\+) (\S+)", patch.read_text(), re.MULTILINE)
    assert targets
    assert len(targets) % 2 == 0
    for target in targets:
        assert re.fullmatch(r"[ab]/kasmina/\w+\.py", target)
