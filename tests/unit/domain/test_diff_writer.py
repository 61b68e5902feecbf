"""A patch turned round takes back what it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from app.domain import diffs
from app.domain.diff_writer import turned_round
from tests.support.target import package_files

DEFECTS = sorted((PROJECT_ROOT / "tests/verification/defects").glob("*.patch"))
ADDED = "--- /dev/null\n+++ b/kasmina/new.py\n@@ -0,0 +1,2 @@\n+a = 1\n+b = 2\n"


@pytest.mark.parametrize("path", DEFECTS, ids=lambda path: path.stem)
def test_the_suites_own_defects_are_taken_back(path: Path) -> None:
    text, sound = path.read_text("utf-8"), package_files(PROJECT_ROOT)
    planted = diffs.apply(sound, diffs.parse(text))

    back = turned_round(text)

    assert diffs.apply(planted, diffs.parse(back)) == sound
    assert diffs.applies(sound, diffs.parse(back)) is diffs.Applies.REVERSE


def test_a_file_that_comes_goes_when_turned() -> None:
    back = turned_round(ADDED)

    assert diffs.apply({"kasmina/new.py": "a = 1\nb = 2\n"}, diffs.parse(back)) == {}
    assert turned_round(back) == ADDED


def test_what_goes_stands_before_what_comes() -> None:
    text = "--- a/k.py\n+++ b/k.py\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n"

    assert turned_round(text) == text.replace("-b\n+c", "-c\n+b")
