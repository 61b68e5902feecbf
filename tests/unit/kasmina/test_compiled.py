"""Operators and slots inside a compiled graph and under autocast: the compiler loads once."""

import shutil
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from kasmina.alpha import AlphaAlgorithm
from kasmina.blend_ops import (
    blend_add,
    blend_gate,
    blend_multiply,
    gate_effective_alpha,
    multiply_valve_multiplier,
)
from kasmina.isolation import blend_with_isolation, ste_forward
from kasmina.slot import SeedSlot

Operator = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

OPERATORS: dict[str, Operator] = {
    "blend_add": lambda h, s, a, g: blend_add(h, s, a),
    "blend_multiply": lambda h, s, a, g: blend_multiply(h, s, a, seed_input=h.detach()),
    "blend_gate": blend_gate,
    "gate_effective_alpha": lambda h, s, a, g: gate_effective_alpha(a, g),
    "multiply_valve_multiplier": lambda h, s, a, g: multiply_valve_multiplier(a, s),
    "blend_with_isolation": lambda h, s, a, g: blend_with_isolation(h, s, a),
    "ste_forward": lambda h, s, a, g: ste_forward(h, s),
}


@pytest.fixture(autouse=True)
def _fresh_compiler() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def arguments(batch: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
    host, seed = (torch.randn(batch, 3, 4, 4, dtype=dtype) for _ in range(2))
    return host, seed, torch.rand(batch, 1, 1, 1), torch.rand(batch, 1, 1, 1)


@pytest.mark.parametrize("name", OPERATORS)
def test_one_compiled_function_serves_changing_batch_sizes(name: str) -> None:
    operator = OPERATORS[name]
    compiled = torch.compile(operator, fullgraph=True, backend="aot_eager")
    for batch in (2, 3, 5):
        given = arguments(batch)
        torch.testing.assert_close(compiled(*given), operator(*given))


def test_compiled_gradients_are_the_eager_ones() -> None:
    def loss(host: Tensor, seed: Tensor, alpha: Tensor) -> Tensor:
        return blend_multiply(host, seed, alpha, seed_input=host).square().sum()

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for batch in (2, 4):
        host, seed, alpha, _ = (tensor.requires_grad_() for tensor in arguments(batch))
        expected = torch.autograd.grad(loss(host, seed, alpha), (host, seed, alpha))
        actual = torch.autograd.grad(compiled(host, seed, alpha), (host, seed, alpha))
        torch.testing.assert_close(actual, expected)


def test_compiled_operator_still_refuses_bad_shapes() -> None:
    compiled = torch.compile(blend_add, backend="aot_eager")
    host, alpha = torch.randn(2, 5, 4), torch.rand(2, 1, 1, 1)
    with pytest.raises(ValueError, match="alpha"):
        compiled(host, host, alpha)


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
def test_inductor_computes_the_same() -> None:
    # One small C++ file: asking the compiler for vector instructions and precompiling headers would
    # take several times as long as the kernel does.
    cheap = {"cpp.vec_isa_ok": False, "cpp_cache_precompile_headers": False, "compile_threads": 1}
    compiled = torch.compile(OPERATORS["blend_multiply"], fullgraph=True, options=cheap)
    given = arguments(2)
    torch.testing.assert_close(compiled(*given), OPERATORS["blend_multiply"](*given))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_autocast_leaves_the_dtype_of_the_host(dtype: torch.dtype) -> None:
    host, seed, alpha, gate = arguments(2, dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        results = (
            blend_add(host, seed, alpha),
            blend_multiply(host, seed, alpha, seed_input=host),
            blend_gate(host, seed, alpha, gate),
            ste_forward(host, seed),
        )
    assert {result.dtype for result in results} == {dtype}


@pytest.mark.parametrize("algorithm", AlphaAlgorithm)
def test_compiled_slot_computes_the_same(
    make_slot: Callable[..., SeedSlot], algorithm: AlphaAlgorithm
) -> None:
    slot = make_slot(algorithm)
    compiled = torch.compile(slot, backend="aot_eager")
    # Amplitude and batch size change in one step, for each change costs a compilation.
    for alpha, features in ((0.4, torch.randn(2, 3, 4, 5)), (0.9, torch.randn(5, 3, 4, 5))):
        slot.set_alpha(alpha)
        torch.testing.assert_close(compiled(features), slot(features))
