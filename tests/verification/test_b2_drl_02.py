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


@pytest.mark.finding("B2-DRL-02")
def test_gate_is_that_of_the_mean_over_positions() -> None:
    """A gate decides by the mean over all positions of each channel, per sample."""
    for topology, shape, positions in (
        ("cnn", (2, 4, 4, 4), (2, 3)),
        ("transformer", (2, 4, 4), (1,)),
    ):
        blend, x = GatedBlend(4, topology=topology), torch.randn(shape)
        gate = blend.get_alpha_for_blend(x)
        assert gate.shape == (2, *[1] * (x.dim() - 1))
        torch.testing.assert_close(gate.flatten(), blend.gate(x.mean(dim=positions)).flatten())
    with pytest.raises(ValueError, match="channels"):
        GatedBlend(5).get_alpha_for_blend(torch.randn(2, 4, 3, 3))
    with pytest.raises(ValueError, match="channels"):
        GatedBlend(5, topology="transformer").get_alpha_for_blend(torch.randn(2, 3, 4))
