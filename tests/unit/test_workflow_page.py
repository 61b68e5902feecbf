"""The page about the workflow is what the code draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_about_the_workflow_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/render_workflow.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
