#!/usr/bin/env bash
# os.fork draws a new seed for Python's `random` in the child, while numpy's generators and any
# random.Random go on from the parent's state: of two seeds set before a fork, one is lost.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check numpy==2.3.5
cd "$dir"

"$dir/venv/bin/python" - <<'PY'
import os
import platform
import random
import sys

import numpy


def in_child(draw):
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.write(theirs, repr(float(draw())).encode())
        os._exit(0)
    os.close(theirs)
    os.wait()
    with open(ours) as pipe:
        return float(pipe.read())


random.seed(7)
numpy.random.seed(7)
draws = {
    "random": random.random,
    "random.Random": random.Random(7).random,
    "numpy.random": numpy.random.random,
}
seen = {name: {in_child(draw), in_child(draw), draw()} for name, draw in draws.items()}
counts = {name: len(numbers) for name, numbers in seen.items()}
print("versions: Python", platform.python_version(), "numpy", numpy.__version__)
print("expected: one number by two children and their parent, for each was seeded before the fork")
print("seen:    ", counts, "different numbers")
sys.exit(counts != {"random": 3, "random.Random": 1, "numpy.random": 1})
PY
