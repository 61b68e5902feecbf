"""KAS-32: an overshooting gate must not make up for a small amplitude."""

import pytest
import torch

from kasmina.blend_ops import blend_gate


@pytest.mark.finding("KAS-32")
def test_gate_is_clamped_before_the_product() -> None:
    """GATE clamps amplitude and gate each: 0.7 with a gate of 2 blends with 0.7, not with 1."""
    host, seed = torch.randn(2, 3), torch.randn(2, 3)
    result = blend_gate(host, seed, torch.tensor(0.7), torch.full((2, 1), 2.0))
    torch.testing.assert_close(result, torch.lerp(host, seed, 0.7))
