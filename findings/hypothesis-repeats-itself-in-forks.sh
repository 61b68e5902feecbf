#!/usr/bin/env bash
# Once a process has run any property, hypothesis draws the same examples in each of its forks:
# ten forked repeats of a property search no further than one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check hypothesis==6.170.17
cd "$dir"

"$dir/venv/bin/python" - <<'PY'
import os
import sys
from importlib.metadata import version

from hypothesis import given, settings
from hypothesis import strategies as st

drawn = []


@settings(max_examples=20, database=None)
@given(st.integers(0, 10**12))
def collect(number):
    drawn.append(number)


@settings(max_examples=1, database=None)
@given(st.booleans())
def another(_):
    pass


def in_child():
    ours, theirs = os.pipe()
    if os.fork() == 0:
        drawn.clear()
        collect()
        os.write(theirs, repr(drawn).encode())
        os._exit(0)
    os.close(theirs)
    os.wait()
    with open(ours) as pipe:
        return pipe.read()


before = len({in_child() for _ in range(4)})
another()
after = len({in_child() for _ in range(4)})
print("versions: hypothesis", version("hypothesis"))
print("expected: four forks draw four different lists of examples, whatever ran before")
print(f"seen:     {before} lists before the parent ran another property, {after} afterwards")
sys.exit((before, after) != (4, 1))
PY
