"""The operators against their formulas: values, dtypes, shapes."""

from itertools import product

import pytest
import torch
from torch import Tensor

from kasmina.blend_ops import (
    blend_add,
    blend_gate,
    blend_multiply,
    gate_effective_alpha,
    multiply_valve_multiplier,
)

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
TOLERANCE = {torch.float16: 2e-3, torch.bfloat16: 1e-2, torch.float32: 1e-6, torch.float64: 1e-14}


def relative_error(result: Tensor, expected: Tensor) -> float:
    """The largest error, as a share of the largest value."""
    return float((result.double() - expected).abs().max() / expected.abs().max())


def inputs(*shape: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    return tuple(torch.randn(shape, dtype=dtype) for _ in range(3))  # type: ignore[return-value]


@pytest.mark.parametrize("dtype", DTYPES)
def test_operators_compute_their_formulas(dtype: torch.dtype) -> None:
    host, seed, seed_input = inputs(4, 3, 8, 8, dtype=dtype)
    alpha, gate = torch.tensor(0.3, dtype=dtype), torch.rand(4, 1, 1, 1, dtype=dtype)
    h, s, x, a, g = (tensor.double() for tensor in (host, seed, seed_input, alpha, gate))
    results = {
        "add": (blend_add(host, seed, alpha), h + a * (s - h)),
        "multiply": (
            blend_multiply(host, seed, alpha, seed_input=seed_input),
            h * (1 + a * torch.tanh(s - x)),
        ),
        "gate": (blend_gate(host, seed, alpha, gate), h + a * g * (s - h)),
    }
    for name, (result, expected) in results.items():
        assert relative_error(result, expected) <= TOLERANCE[dtype], name


def test_result_has_the_dtype_of_the_host_for_every_mix() -> None:
    for dtypes in product(DTYPES, repeat=4):
        host_dtype, seed_dtype, alpha_dtype, other_dtype = dtypes
        host, seed = torch.randn(2, 3, dtype=host_dtype), torch.randn(2, 3, dtype=seed_dtype)
        other = torch.rand(2, 1, dtype=other_dtype)
        for alpha in (torch.tensor(0.5, dtype=alpha_dtype), torch.rand(2, 1, dtype=alpha_dtype)):
            results = (
                blend_add(host, seed, alpha),
                blend_multiply(host, seed, alpha, seed_input=other.expand(2, 3)),
                blend_gate(host, seed, alpha, other),
            )
            assert {result.dtype for result in results} == {host_dtype}, dtypes


@pytest.mark.parametrize("dtype", DTYPES)
def test_both_ends_of_add_and_gate_are_exact(dtype: torch.dtype) -> None:
    host, seed, _ = inputs(5, 7, dtype=dtype)
    one, zero = torch.ones((), dtype=dtype), torch.zeros((), dtype=dtype)
    assert torch.equal(blend_add(host, seed, zero), host)
    assert torch.equal(blend_add(host, seed, one), seed)
    assert torch.equal(blend_gate(host, seed, one, torch.ones(5, 1, dtype=dtype)), seed)
    assert torch.equal(blend_gate(host, seed, one, torch.zeros(5, 1, dtype=dtype)), host)


@pytest.mark.parametrize(("value", "expected"), [(0, 0.0), (1, 1.0), (2, 1.0), (-5, 0.0)])
def test_integer_alpha_counts_as_the_number_it_is(value: int, expected: float) -> None:
    host, seed, seed_input = inputs(2, 3, dtype=torch.float32)
    gate, alpha, same = torch.rand(2, 1), torch.tensor(value), torch.tensor(expected)
    assert torch.equal(blend_add(host, seed, alpha), blend_add(host, seed, same))
    assert torch.equal(blend_gate(host, seed, alpha, gate), blend_gate(host, seed, same, gate))
    assert torch.equal(
        blend_multiply(host, seed, alpha, seed_input=seed_input),
        blend_multiply(host, seed, same, seed_input=seed_input),
    )


def test_alpha_per_sample_blends_each_sample_with_its_own() -> None:
    host, seed, seed_input = inputs(3, 2, 4, 4, dtype=torch.float32)
    alpha = torch.tensor([0.0, 0.5, 1.0]).reshape(3, 1, 1, 1)
    for index in range(3):
        own = alpha[index].reshape(())
        one = slice(index, index + 1)
        torch.testing.assert_close(
            blend_add(host, seed, alpha)[one], blend_add(host[one], seed[one], own)
        )
        torch.testing.assert_close(
            blend_multiply(host, seed, alpha, seed_input=seed_input)[one],
            blend_multiply(host[one], seed[one], own, seed_input=seed_input[one]),
        )


def test_seed_may_be_smaller_than_the_host() -> None:
    host, seed = torch.randn(2, 3, 4), torch.randn(3, 1)
    result = blend_add(host, seed, torch.tensor(0.5))
    torch.testing.assert_close(result, torch.lerp(host, seed.expand(2, 3, 4), 0.5))


def test_effective_alpha_clamps_each_factor_first() -> None:
    gate = torch.tensor([2.0, 0.5, -1.0])
    expected = torch.tensor([0.7, 0.35, 0.0])
    torch.testing.assert_close(gate_effective_alpha(torch.tensor(0.7), gate), expected)
    assert gate_effective_alpha(torch.tensor(7.0), torch.tensor([0.5])).item() == 0.5


def test_effective_alpha_has_the_promoted_dtype() -> None:
    low, high = torch.rand(2, 1, dtype=torch.bfloat16), torch.rand(2, 1, dtype=torch.float32)
    assert gate_effective_alpha(low, high).dtype == torch.float32
    assert gate_effective_alpha(low, low).dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", DTYPES)
def test_multiplier_reaches_zero_and_two(dtype: torch.dtype) -> None:
    far = torch.tensor([-50.0, 0.0, 50.0, -torch.inf, torch.inf], dtype=dtype)
    factor = multiply_valve_multiplier(torch.ones((), dtype=dtype), far)
    assert factor.tolist() == [0.0, 1.0, 2.0, 0.0, 2.0]
    assert factor.dtype == dtype


def test_overflowing_difference_in_half_precision_saturates() -> None:
    host = torch.tensor([1.5, 1.5], dtype=torch.float16)
    seed = torch.tensor([60000.0, -60000.0], dtype=torch.float16)
    result = blend_multiply(host, seed, torch.tensor(1.0), seed_input=-seed)
    assert result.tolist() == [3.0, 0.0]


def test_multiply_values_do_not_depend_on_the_isolation_choice() -> None:
    host, seed, _ = inputs(2, 3, dtype=torch.float32)
    alpha = torch.tensor(0.6)
    assert torch.equal(
        blend_multiply(host, seed, alpha, seed_input=host),
        blend_multiply(host, seed, alpha, seed_input=host.detach()),
    )
