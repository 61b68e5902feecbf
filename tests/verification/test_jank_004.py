"""JANK-004: the monitor called the host's ordinary gradients violations."""

import pytest
import torch
from torch import nn

from kasmina.isolation import GradientHealthMonitor


@pytest.mark.finding("JANK-004")
def test_monitor_does_not_judge_the_gradients_of_the_host() -> None:
    """The host's gradients on its direct path are measured, not counted as violations."""
    host = nn.Linear(2, 2)
    host(torch.ones(1, 2)).sum().backward()
    monitor = GradientHealthMonitor()
    monitor.register(host, nn.Identity())

    health = monitor.compute_gradient_health()

    assert health["host_grad_norm"] > 0
    assert not [key for key in health if "violation" in key]
