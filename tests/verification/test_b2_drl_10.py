"""B2-DRL-10: the seed's input must be named, for it decides whether gradients are coupled."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from kasmina.blend_ops import blend_multiply


@pytest.mark.finding("B2-DRL-10")
def test_seed_input_cannot_be_left_out() -> None:
    """blend_multiply never guesses the seed's input: leaving it out or passing None is an error."""
    features = torch.ones(2, 3)
    with pytest.raises(TypeError):
        blend_multiply(features, features, torch.tensor(0.5))
    with pytest.raises((TypeError, ValueError)):
        blend_multiply(features, features, torch.tensor(0.5), seed_input=None)


@pytest.mark.finding("B2-DRL-10")
def test_gradients_follow_the_seed_input_that_was_passed() -> None:
    """A detached seed input isolates the host and the host itself couples it, at equal values."""
    host = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    # A moderate change: where tanh saturates, the coupling term would vanish in the tolerance.
    change = 0.5 * torch.randn(2, 3, 4, 4, dtype=torch.float64)
    seed, alpha, t = host.detach() + change, torch.tensor(0.7, dtype=torch.float64), change.tanh()

    isolated = blend_multiply(host, seed, alpha, seed_input=host.detach())
    coupled = blend_multiply(host, seed, alpha, seed_input=host)

    torch.testing.assert_close(isolated, coupled, rtol=0, atol=0)
    direct = 1 + alpha * t
    extra = host.detach() * alpha * (1 - t**2)
    torch.testing.assert_close(torch.autograd.grad(isolated.sum(), host)[0], direct)
    torch.testing.assert_close(torch.autograd.grad(coupled.sum(), host)[0], direct - extra)


@pytest.mark.finding("B2-DRL-10")
def test_slot_passes_the_tensor_its_seed_was_given(blending_slot: Callable[..., Any]) -> None:
    """A slot that isolates gradients leaves the host 1 + a·t under MULTIPLY, and nothing else."""
    slot = blending_slot("MULTIPLY", isolate=True)
    host = torch.randn(2, 3, 4, 4, requires_grad=True)

    slot(host).sum().backward()

    with torch.no_grad():
        t = torch.tanh(slot.seed(host) - host)
    torch.testing.assert_close(host.grad, 1 + slot.alpha * t)
