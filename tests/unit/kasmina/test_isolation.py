"""blend_with_isolation and the straight-through estimator."""

import pytest
import torch

from kasmina.blend_ops import blend_add
from kasmina.isolation import blend_with_isolation, ste_forward

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def test_blend_with_isolation_is_add() -> None:
    host, seed = (torch.randn(2, 3, requires_grad=True) for _ in range(2))
    alpha = torch.tensor(0.3)
    result = blend_with_isolation(host, seed, alpha)
    assert torch.equal(result, blend_add(host, seed, alpha))
    result.sum().backward()
    torch.testing.assert_close(host.grad, torch.full((2, 3), 0.7))
    torch.testing.assert_close(seed.grad, torch.full((2, 3), 0.3))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed_dtype", DTYPES)
def test_straight_through_has_the_value_of_the_host(
    dtype: torch.dtype, seed_dtype: torch.dtype
) -> None:
    host, seed = torch.randn(5, 7, dtype=dtype), 6e4 * torch.rand(5, 7).to(seed_dtype)
    result = ste_forward(host, seed)
    assert result.dtype == dtype
    assert torch.equal(result, host)


def test_straight_through_has_the_gradients_of_the_sum() -> None:
    host, seed = (torch.randn(2, 3, requires_grad=True) for _ in range(2))
    upstream = torch.randn(2, 3)
    ste_forward(host, seed).backward(upstream)
    assert torch.equal(host.grad, upstream)
    assert torch.equal(seed.grad, upstream)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_straight_through_does_not_mask_what_is_not_finite(value: float) -> None:
    assert bool(ste_forward(torch.ones(2), torch.full((2,), value)).isnan().all())


def test_straight_through_turns_a_negative_zero_positive() -> None:
    result = ste_forward(torch.tensor([-0.0]), torch.tensor([3.0]))
    assert not bool(result.signbit().any())
