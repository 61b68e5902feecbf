"""KAS-27: in the straight-through estimator the order of the brackets decides about rounding."""

import pytest
import torch

from kasmina.isolation import ste_forward


@pytest.mark.finding("KAS-27")
def test_straight_through_returns_the_host_bit_for_bit() -> None:
    """Passed straight through, the host keeps every bit, however large the seed's features are."""
    host, seed = torch.randn(64, 64), 1e6 * torch.randn(64, 64)
    assert torch.equal(ste_forward(host, seed), host)


@pytest.mark.finding("KAS-27")
def test_straight_through_hands_the_whole_gradient_to_host_and_seed() -> None:
    """Both host and seed receive the gradient of the result as it is, sign and all."""
    host, seed = (torch.randn(3, 5, requires_grad=True) for _ in range(2))
    upstream = torch.randn(3, 5)
    ste_forward(host, seed).backward(upstream)
    assert torch.equal(host.grad, upstream)
    assert torch.equal(seed.grad, upstream)
