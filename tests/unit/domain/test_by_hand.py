"""Repeating a run by hand: the commands do what the run did, whatever its tests are called."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.domain.by_hand import by_hand
from app.domain.runs import (
    ArmResult,
    PatchUse,
    Run,
    RunKind,
    RunOutcome,
    RunStatus,
    SubmittedFile,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)
FIX = PatchUse("fix", "d" * 64, reverse=True)
SEEDS = {"seeds": {"hash": [17, 4711], "random": 99}, "torch": "2.13.0"}
TEST = "tests/verification/test_a.py::test_b"


def a_run(**fields: Any) -> Run:
    plain: dict[str, Any] = {
        "id": UUID(int=7),
        "ticket": "B2-DRL-10",
        "target": "kasmina",
        "kind": RunKind.PROOF,
        "status": RunStatus.FINISHED,
        "outcome": RunOutcome.PROVEN,
        "reason": None,
        "requested_by": "jo",
        "attempt": 1,
        "queued_at": NOW,
        "started_at": NOW,
        "finished_at": NOW,
        "repeats": 3,
        "reused_from": None,
        "environment": SEEDS,
        "tests": (TEST, "tests/verification/test_a.py::test_c[x y]"),
        "suite_digest": "e" * 64,
        "arms": (ArmResult("before", "p" * 64, (), FIX), ArmResult("after", "q" * 64, ())),
    }
    return Run(**{**plain, **fields})


def commands(run: Run) -> str:
    return "\n".join(step.command for step in by_hand(run))


def test_it_names_patches_arms_seeds_and_digests() -> None:
    text = commands(a_run())

    assert "findings patch show B2-DRL-10 fix > ../fix.patch" in text
    assert f"{'d' * 64}  fix.patch" in text
    assert "patch -p1 --fuzz=0 --reverse -d ../arm-before < ../fix.patch" in text
    assert "-d ../arm-after" not in text
    assert text.count("PYTHONHASHSEED=17") == 6  # alone, together and reversed on both arms
    assert text.count("PYTHONHASHSEED=4711") == 2
    assert "random.seed(99); import torch; torch.manual_seed(99)" in text
    whys = " ".join(step.why for step in by_hand(a_run()))
    assert ("p" * 16 in whys, "q" * 16 in whys, "e" * 16 in whys) == (True, True, True)


@pytest.mark.parametrize(
    "fields",
    [{"arms": ()}, {"tests": ()}, {"arms": (), "status": RunStatus.CANCELLED, "outcome": None}],
)
def test_what_has_not_run_cannot_be_repeated(fields: dict[str, Any]) -> None:
    assert by_hand(a_run(**fields)) == ()


def test_one_test_needs_no_passes_beside_others() -> None:
    run = a_run(tests=(TEST,), environment={}, repeats=1)

    assert "reversed" not in commands(run)
    assert commands(run).count("python -m pytest") == 2
    assert "PYTHONHASHSEED" not in commands(run)


def test_a_submitted_file_goes_where_its_tests_ids_say() -> None:
    path = "submitted/b2_drl_10/test_mine.py"
    whole = f"tests/verification/{path}"
    run = a_run(tests=(f"{whole}::test_a",), submitted=(SubmittedFile(path, "f" * 64),))

    assert f"findings test source B2-DRL-10 {whole} > ../arm-before/{whole}" in commands(run)


def test_what_else_broke_is_repeated_too() -> None:
    run = a_run(also_broken=("tests/verification/test_other.py::test_z",))

    assert commands(run).count("tests/verification/test_other.py::test_z") == 2


@pytest.mark.parametrize("seeds", [None, [], {"hash": "17; rm -rf x"}, {"hash": ["$(x)"]}])
def test_an_environment_of_another_shape_does_no_harm(seeds: Any) -> None:
    assert "PYTHONHASHSEED" not in commands(a_run(environment={"seeds": seeds}))


HOSTILE = "t.py::test_a['; touch owned; '$(touch owned)`touch owned`\x1b[2J\n\u202e]"


def test_the_words_of_a_run_are_words_of_the_shell(tmp_path: Path) -> None:
    run = a_run(tests=(HOSTILE, TEST), also_broken=(HOSTILE,))
    first = by_hand(run)[0].command

    said = subprocess.run(
        ["bash", "-c", f'{first}; printf "%s\\0" "${{tests[@]}}"'],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )

    assert said.stdout.split("\0")[:2] == [HOSTILE, TEST]
    assert list(tmp_path.iterdir()) == []
    assert "".join(commands(run).split("\n")).isprintable()


def test_the_commands_repeat_the_run(tmp_path: Path) -> None:
    """In bash, with stand-ins for the two programs that need a service and pytest."""
    project = tmp_path / "project"
    (project / "pkg").mkdir(parents=True)
    (project / "pkg" / "a.py").write_text("sound\n")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    diff = "--- a/pkg/a.py\n+++ b/pkg/a.py\n@@ -1 +1 @@\n-broken\n+sound\n"
    _program(bin_ / "findings", f"printf %s {shlex.quote(diff)}")
    _program(bin_ / "python", 'echo "$(cat pkg/a.py) $PYTHONHASHSEED ${@: -1}" >> ../seen')
    digest = subprocess.run(
        ["sha256sum"], input=diff.encode(), capture_output=True, check=True
    ).stdout.decode()[:64]
    run = a_run()
    arms = (replace(run.arms[0], patch=replace(FIX, digest=digest)), run.arms[1])

    done = subprocess.run(
        ["bash", "-e", "-c", commands(replace(run, arms=arms))],
        cwd=project,
        capture_output=True,
        encoding="utf-8",
        env={"PATH": f"{bin_}:/usr/bin:/bin"},
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "fix.patch: OK" in done.stdout
    last, first = run.tests[-1], run.tests[0]
    expected = [
        f"{state} {seed} {node}"
        for state in ("broken", "sound")
        for seed, node in ((17, first), (17, last), (17, last), (17, first), (4711, last))
    ]
    assert (tmp_path / "seen").read_text().splitlines() == expected


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)
