"""B3-PT-01: a division by zero was feared where there are no gradients. Refuted."""

import pytest
import torch
from torch import nn

from kasmina.isolation import GradientHealthMonitor


@pytest.mark.finding("B3-PT-01")
def test_ratio_without_gradients_is_zero() -> None:
    """The ratio of gradients is 0 when neither module has a gradient."""
    monitor = GradientHealthMonitor()
    monitor.register(nn.Identity(), nn.Identity())
    assert monitor.compute_gradient_health()["seed_gradient_ratio"] == 0.0


@pytest.mark.finding("B3-PT-01")
def test_ratio_is_that_of_the_norms_of_all_gradients() -> None:
    """The ratio is the seed's gradient norm over the host's, and 0 where only the seed has one."""
    host, seed = nn.Linear(2, 1), nn.Linear(2, 1)
    monitor = GradientHealthMonitor()
    assert (monitor.host_grad_norm, monitor.seed_grad_norm) == (0.0, 0.0)
    monitor.register(host, seed)
    seed.weight.grad, seed.bias.grad = torch.tensor([[2.0, 3.0]]), torch.tensor([6.0])
    health = monitor.compute_gradient_health()
    assert (health["host_grad_norm"], health["seed_grad_norm"]) == (0.0, 7.0)
    assert health["seed_gradient_ratio"] == 0.0
    host.weight.grad = torch.tensor([[0.0, -2.0]])
    health = monitor.compute_gradient_health()
    assert (health["host_grad_norm"], health["seed_grad_norm"]) == (2.0, 7.0)
    assert health["seed_gradient_ratio"] == 7.0 / (2.0 + 1e-8)
    assert (monitor.host_grad_norm, monitor.seed_grad_norm) == (2.0, 7.0)
    # So small that the epsilon decides: the quotient stays finite, and is not 1.
    host.weight.grad = torch.tensor([[0.0, 1e-8]])
    small = monitor.compute_gradient_health()["seed_gradient_ratio"]
    assert small == pytest.approx(7.0 / 2e-8, rel=1e-3)
