#!/usr/bin/env bash
# Four spellings of one bound give equal values but other gradients where the input lies on it:
# clamp passes all of it, maximum half, relu and hardtanh nothing.
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
from torch.nn.functional import hardtanh

ways = {
    "clamp(min=0)": lambda x: x.clamp(min=0),
    "clamp(0, 1)": lambda x: x.clamp(0, 1),
    "maximum(x, 0)": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "relu": torch.relu,
    "hardtanh(0, 1)": lambda x: hardtanh(x, 0.0, 1.0),
}
values, gradients = {}, {}
for name, way in ways.items():
    x = torch.zeros(1, requires_grad=True)
    values[name] = way(x).item()
    (gradient,) = torch.autograd.grad(way(x), x)
    gradients[name] = gradient.item()
print("versions: torch", torch.__version__)
print("expected: one convention for the gradient at the bound, as there is one value:", values)
print("seen:    ", gradients)
sys.exit(
    any(values.values())
    or gradients
    != {
        "clamp(min=0)": 1.0,
        "clamp(0, 1)": 1.0,
        "maximum(x, 0)": 0.5,
        "relu": 0.0,
        "hardtanh(0, 1)": 0.0,
    }
)
PY
