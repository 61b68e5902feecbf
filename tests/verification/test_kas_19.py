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


@pytest.mark.finding("KAS-19")
def test_loading_restores_all_that_is_no_parameter(blending_slot: Callable[..., Any]) -> None:
    """A slot that has loaded a state dict isolates, and goes on with its schedule, as saved."""
    saved_from, slot = blending_slot(isolate=True), blending_slot(isolate=False)
    saved_from.start_blending(total_steps=4)
    saved_from.tick()
    slot.load_state_dict(saved_from.state_dict())
    assert slot.isolate_gradients is True
    assert slot.get_extra_state() == saved_from.get_extra_state()
    host = torch.randn(2, 3, 4, 4, requires_grad=True)
    slot(host).sum().backward()
    torch.testing.assert_close(host.grad, torch.full_like(host, 1.0 - slot.alpha))
    assert [slot.tick(), slot.tick(), slot.tick()] == [False, False, True]
    assert slot.alpha == 1.0
