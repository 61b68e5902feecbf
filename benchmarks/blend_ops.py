"""Times of MULTIPLY on a CPU: plain, compiled and fast, against the time to copy as many bytes.

    python -m benchmarks.blend_ops [--rounds 15] [--threads 1] [--no-compile]

Prints a Markdown table. All variants take turns in every round, so that a disturbance hits them
all, and the table shows medians. The floor is the time to move the bytes that the operation cannot
avoid, between tensors that exist already: three tensors read and one written for a forward pass (as
much as two copies), and for forward and backward ten (the backward pass reads dL/dy, h, s, x and
writes dL/dh and dL/ds: five copies). The seed's input is detached, the amplitude 0-dim.
"""

import argparse
import shutil
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from kasmina.blend_ops import blend_multiply
from kasmina.fast import blend_multiply_fast

SHAPES = ((32, 64, 32, 32), (64, 128, 768))
DTYPES = (torch.float32, torch.bfloat16)
COPIES = {"forward": 2, "forward + backward": 5}

Operator = Callable[..., Tensor]


def forward(operator: Operator, tensors: list[Tensor]) -> None:
    """One forward pass that records no gradients."""
    host, seed, alpha, _ = tensors
    with torch.no_grad():
        operator(host, seed, alpha, seed_input=host)


def forward_backward(operator: Operator, tensors: list[Tensor]) -> None:
    """One forward pass and the gradients of host and seed."""
    host, seed, alpha, upstream = tensors
    result = operator(host, seed, alpha, seed_input=host.detach())
    torch.autograd.grad(result, (host, seed), upstream)


def copy(count: int, source: Tensor, target: Tensor) -> None:
    """Move the bytes of a tensor `count` times."""
    for _ in range(count):
        target.copy_(source)


def saved_share(operator: Operator, tensors: list[Tensor]) -> float:
    """Bytes kept for the backward pass, the host's own included, in multiples of the host's."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    host, seed, alpha, _ = tensors
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        operator(host, seed, alpha, seed_input=host.detach())
    return sum(kept.values()) / host.nbytes


def medians(variants: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Milliseconds of each variant, after two rounds that warm up (and compile).

    With one thread, processor time: it leaves out the turns that other programs take.
    """
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 2):
        for name, run in variants.items():
            start = clock()
            run()
            if number >= 2:
                times[name].append(1e3 * (clock() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def operators(with_compiled: bool) -> dict[str, Operator]:
    """The variants by name."""
    found: dict[str, Operator] = {"plain": blend_multiply, "fast": blend_multiply_fast}
    if with_compiled:
        found["compiled"] = torch.compile(blend_multiply, fullgraph=True, dynamic=False)
    return found


def measure(shape: tuple[int, ...], dtype: torch.dtype, rounds: int, compiled: bool) -> list[str]:
    """Two rows of the table: forward, and forward with backward."""
    host, seed = (torch.randn(shape, dtype=dtype, requires_grad=True) for _ in range(2))
    tensors = [host, seed, torch.tensor(0.5, dtype=dtype), torch.randn(shape, dtype=dtype)]
    source, target = torch.randn(shape, dtype=dtype), torch.empty(shape, dtype=dtype)
    rows = []
    for kind, run in (("forward", forward), ("forward + backward", forward_backward)):
        variants: dict[str, Callable[[], None]] = {
            name: lambda run=run, operator=operator: run(operator, tensors)  # type: ignore[misc]
            for name, operator in operators(compiled).items()
        }
        variants["floor"] = lambda kind=kind: copy(COPIES[kind], source, target)  # type: ignore[misc]
        times = medians(variants, rounds)
        rows.append(row(shape, dtype, kind, times, tensors))
    return rows


def row(
    shape: tuple[int, ...],
    dtype: torch.dtype,
    kind: str,
    times: dict[str, float],
    tensors: list[Tensor],
) -> str:
    """One row of the table."""
    compiled = f"{times['compiled']:.1f}" if "compiled" in times else "–"
    saved = " / ".join(
        f"{saved_share(operator, tensors):.0f}"
        for operator in (blend_multiply, blend_multiply_fast)
    )
    cells = [
        "×".join(map(str, shape)),
        str(dtype).removeprefix("torch."),
        kind,
        f"{times['floor']:.1f}",
        f"{times['plain']:.1f}",
        compiled,
        f"{times['fast']:.1f}",
        f"{times['plain'] / times['fast']:.1f}",
        saved if kind != "forward" else "–",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure what the arguments ask for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-compile", action="store_true", help="leave the compiled variant out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    compiled = not options.no_compile and shutil.which("g++") is not None
    print(f"torch {torch.__version__}, {options.threads} thread(s), {options.rounds} rounds, ms\n")
    print(
        "| shape | dtype | pass | floor | plain | compiled | fast | plain ÷ fast | "
        "saved, plain / fast (× host) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for shape in SHAPES:
        for dtype in DTYPES:
            for line in measure(shape, dtype, options.rounds, compiled):
                print(line, flush=True)


if __name__ == "__main__":
    main()
