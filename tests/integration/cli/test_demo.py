"""The demonstration, end to end: a fresh service, the commands of a user, *proven*."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import app

ROOT = Path(app.__file__).parents[1]


def tour() -> list[str]:
    """The commands of the README's tour, without what is given to them."""
    readme = (ROOT / "README.md").read_text("utf-8")
    block = readme.partition("## The tour")[2].partition("```sh")[2].partition("```")[0]
    return re.findall(r"^findings [a-z-]+(?: (?:file|add|list|show)\b)?", block, re.MULTILINE)


def test_the_demo_ends_proven_and_leaves_nothing_behind() -> None:
    before = set(Path("/tmp").glob("fd-*"))
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.demo"],
        # Settings of the caller must not lead the demo to another service or database.
        env=os.environ | {"FINDINGS_URL": "http://127.0.0.1:9", "FINDINGS_WORKERS": "0"},
        capture_output=True,
        check=False,
        encoding="utf-8",
        cwd=ROOT,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for command in (
        "$ findings import examples/markdown",
        "$ findings ticket file examples/tickets/B2-DRL-10.toml",
        "$ findings load-patches B2-DRL-10",
        "$ findings verify B2-DRL-10",
        "$ findings verify B2-DRL-10 --proof",
    ):
        assert command in lines
    *typed, last = tour()
    assert [command for command in typed if command not in done.stdout] == []
    assert (len(typed), last) == (9, "findings load-examples")
    assert "outcome\tpassed" in lines
    assert "outcome\tproven" in lines
    assert "evidence\tproven" in lines
    assert [line.split("\t")[2] for line in lines if line.startswith("review\t")] == [
        "ENDORSE",
        "NEUTRAL",
        "NEUTRAL",
    ]
    imported = [line for line in lines if line.startswith("created\tB4-")]
    assert len(imported) == len(list((ROOT / "examples" / "markdown").rglob("*.md")))
    assert "fnd_" not in done.stdout + done.stderr
    assert set(Path("/tmp").glob("fd-*")) <= before
