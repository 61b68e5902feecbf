"""B3-CR-06: a slot that keeps its amplitude as a tensor risks blending with an old one."""

from collections.abc import Callable
from typing import Any

import pytest
import torch


@pytest.mark.finding("B3-CR-06")
def test_new_amplitude_takes_effect_on_the_next_forward_pass(
    blending_slot: Callable[..., Any],
) -> None:
    """A slot that has run blends with the new amplitude after set_alpha."""
    slot, host = blending_slot(alpha=0.4), torch.randn(2, 3, 4, 4)
    with torch.no_grad():
        slot(host)
        slot.set_alpha(0.9)
        expected = torch.lerp(host, slot.seed(host), 0.9)
        torch.testing.assert_close(slot(host), expected)
