"""B2-DRL-02: features of the other topology must not be pooled over the wrong axes."""

import pytest
import torch

from kasmina.blending import GatedBlend


@pytest.mark.finding("B2-DRL-02")
def test_gate_refuses_features_of_the_other_topology() -> None:
    """A gate refuses features of another rank, even when every size happens to fit."""
    with pytest.raises((AssertionError, ValueError), match="4D"):
        GatedBlend(5, topology="cnn").get_alpha_for_blend(torch.randn(2, 5, 5))
    with pytest.raises((AssertionError, ValueError), match="3D"):
        GatedBlend(5, topology="transformer").get_alpha_for_blend(torch.randn(2, 5, 5, 5))
