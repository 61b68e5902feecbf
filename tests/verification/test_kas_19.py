"""KAS-19: a slot kept blending with the amplitude from before its state was loaded."""

from collections.abc import Callable
from typing import Any

import pytest
import torch


@pytest.mark.finding("KAS-19")
def test_loaded_amplitude_takes_effect_on_the_next_forward_pass(
    blending_slot: Callable[..., Any],
) -> None:
    """A slot that has run blends with the amplitude of the state dict it has loaded."""
    slot, host = blending_slot(alpha=0.9), torch.randn(2, 3, 4, 4)
    saved = slot.state_dict()
    with torch.no_grad():
        slot.set_alpha(0.1)
        slot(host)
        slot.load_state_dict(saved)
        expected = torch.lerp(host, slot.seed(host), 0.9)
        torch.testing.assert_close(slot(host), expected)
