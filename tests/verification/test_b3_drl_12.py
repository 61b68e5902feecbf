"""B3-DRL-12: the conversion in the straight-through estimator was said to be needless. Refuted."""

import pytest
import torch

from kasmina.isolation import ste_forward


@pytest.mark.finding("B3-DRL-12")
def test_straight_through_keeps_the_dtype_of_the_host() -> None:
    """Passing a wider seed straight through does not promote the host's features."""
    host = torch.randn(2, 3, dtype=torch.bfloat16)
    assert ste_forward(host, torch.randn(2, 3, dtype=torch.float32)).dtype == torch.bfloat16
