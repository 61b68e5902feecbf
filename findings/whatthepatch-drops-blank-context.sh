#!/usr/bin/env bash
# git diff with diff.suppressBlankEmpty writes blank context lines without their leading blank;
# whatthepatch leaves such lines out, and every line number behind them is too low.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check whatthepatch==1.0.7
cd "$dir"

mkdir repository && cd repository
git init -q
printf 'first\n\nsecond\nthird\n' > file.txt
git add file.txt
printf 'first\n\nsecond, changed\nthird\n' > file.txt
git diff > ../usual.diff
git -c diff.suppressBlankEmpty=true diff > ../suppressed.diff
git apply --cached ../suppressed.diff # valid: git itself takes it
cd ..

"$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import whatthepatch


def removed(name):
    (patch,) = whatthepatch.parse_patch(Path(name).read_text())
    return [(change.old, change.line) for change in patch.changes if change.new is None]


usual, suppressed = removed("usual.diff"), removed("suppressed.diff")
print("versions: whatthepatch", version("whatthepatch"))
print("expected: both diffs remove line 3, or an error for the second")
print("seen:    ", usual, "for the usual diff,", suppressed, "for the other")
sys.exit((usual, suppressed) != ([(3, "second")], [(2, "second")]))
PY
git --version
