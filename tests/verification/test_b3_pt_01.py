"""B3-PT-01: a division by zero was feared where there are no gradients. Refuted."""

import pytest
from torch import nn

from kasmina.isolation import GradientHealthMonitor


@pytest.mark.finding("B3-PT-01")
def test_ratio_without_gradients_is_zero() -> None:
    """The ratio of gradients is 0 when neither module has a gradient."""
    monitor = GradientHealthMonitor()
    monitor.register(nn.Identity(), nn.Identity())
    assert monitor.compute_gradient_health()["seed_gradient_ratio"] == 0.0
