#!/usr/bin/env bash
# torch.compile of torch.func.grad differentiates the forward code of an autograd.Function and
# never calls its own backward: a compiled gradient is no reference for an eager one.
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


class Reversed(torch.autograd.Function):
    """The identity whose gradient is turned round."""

    @staticmethod
    def forward(value):
        return value.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


def loss(value):
    return Reversed.apply(value).sum()


value = torch.tensor([3.0], requires_grad=True)
torch.compile(loss, backend="eager")(value).backward()
gradients = {
    "torch.func.grad": torch.func.grad(loss)(value.detach()).item(),
    "torch.compile, then backward()": value.grad.item(),
    "torch.compile of torch.func.grad": torch.compile(torch.func.grad(loss), backend="eager")(
        value.detach()
    ).item(),
}
print("versions: torch", torch.__version__)
print("expected: -1.0 by each of the three ways")
print("seen:    ", gradients)
sys.exit(list(gradients.values()) != [-1.0, -1.0, 1.0])
PY
