"""KAS-31: an amplitude outside [0, 1] must not extrapolate."""

import pytest
import torch

from kasmina.blend_ops import blend_add


@pytest.mark.finding("KAS-31")
def test_add_counts_an_amplitude_outside_as_the_nearer_end() -> None:
    """ADD never leaves the way between host and seed: 1.5 gives the seed and −3 the host."""
    host, seed = torch.randn(2, 3), torch.randn(2, 3)
    assert torch.equal(blend_add(host, seed, torch.tensor(1.5)), seed)
    assert torch.equal(blend_add(host, seed, torch.tensor(-3.0)), host)
