#!/usr/bin/env bash
# torch.equal tells shapes apart but not types: a float64 tensor equals a float32 one, an integer
# or a boolean one, so that a test by it misses a lost precision.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check torch==2.13.0
cd "$dir"

"$dir/venv/bin/python" - <<'PY'
import sys
import warnings

warnings.simplefilter("ignore")
import torch

ones = torch.ones(2)
others = {
    "float64": ones.double(),
    "bfloat16": ones.bfloat16(),
    "int64": ones.long(),
    "bool": ones.bool(),
    "shape (1, 2)": ones[None],
}
seen = {name: torch.equal(ones, other) for name, other in others.items()}
refused = []
for name, other in others.items():
    try:
        torch.testing.assert_close(ones, other)
    except AssertionError:
        refused.append(name)
print("versions: torch", torch.__version__)
print("expected: False for each, as torch.testing.assert_close refuses", refused)
print("seen:    ", seen)
sys.exit(
    len(refused) != len(others)
    or seen != {name: name != "shape (1, 2)" for name in others}
)
PY
