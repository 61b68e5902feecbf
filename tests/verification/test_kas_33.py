"""KAS-33: a seed far from its input must not blow the host up, or turn its sign."""

import pytest
import torch

from kasmina.blend_ops import multiply_valve_multiplier


@pytest.mark.finding("KAS-33")
def test_multiplier_stays_within_its_bounds() -> None:
    """The factor of MULTIPLY lies between 1 − a and 1 + a, however strong the modulation is."""
    modulation = torch.tensor([-200.0, -3.0, 0.0, 3.0, 200.0])
    for amplitude in (0.25, 1.0):
        factor = multiply_valve_multiplier(torch.tensor(amplitude), modulation)
        assert bool((factor >= 1 - amplitude).all())
        assert bool((factor <= 1 + amplitude).all())
