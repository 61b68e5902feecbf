"""B3-CR-13, B3-DRL-13 and JANK-018: the monitor stood on a function that torch keeps private."""

import pytest
import torch
from torch import nn

from kasmina.isolation import GradientHealthMonitor


@pytest.mark.finding("B3-CR-13")
@pytest.mark.finding("B3-DRL-13")
@pytest.mark.finding("JANK-018")
def test_monitor_needs_no_private_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient monitor works on a torch without the private function _foreach_norm."""
    host, seed = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    host.weight.grad = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
    seed.weight.grad = torch.tensor([[0.0, 0.0], [0.0, 10.0]])
    monitor = GradientHealthMonitor()
    monitor.register(host, seed)

    monkeypatch.delattr(torch, "_foreach_norm", raising=False)
    health = monitor.compute_gradient_health()

    assert health["host_grad_norm"] == pytest.approx(5.0)
    assert health["seed_grad_norm"] == pytest.approx(10.0)
