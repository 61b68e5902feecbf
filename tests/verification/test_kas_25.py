"""KAS-25: a seed on its way out is frozen, but stays on the path of the gradients."""

from collections.abc import Callable
from typing import Any

import pytest
import torch


@pytest.mark.finding("KAS-25")
def test_frozen_seed_still_passes_gradients_to_the_host(
    blending_slot: Callable[..., Any],
) -> None:
    """While the amplitude goes down the seed learns nothing, but the host learns through it."""
    slot = blending_slot("ADD", alpha=0.8)
    slot.state.alpha_controller.retarget(alpha_target=0.0, alpha_steps_total=4)
    slot.tick()
    host = torch.randn(2, 3, 4, 4, requires_grad=True)

    slot(host).sum().backward()

    assert [p.grad for p in slot.get_parameters()] == [None, None]
    direct = torch.full_like(host, 1 - slot.alpha)
    assert (host.grad - direct).abs().max() > 0.01


@pytest.mark.finding("KAS-25")
def test_what_was_frozen_and_nothing_else_is_thawed(blending_slot: Callable[..., Any]) -> None:
    """When the amplitude goes down no more, exactly the parameters that learned before learn."""
    slot = blending_slot("ADD", alpha=0.8)
    slot.seed.bias.requires_grad_(False)
    learning = [name for name, one in slot.named_parameters() if one.requires_grad]
    slot.state.alpha_controller.retarget(alpha_target=0.5, alpha_steps_total=2)
    assert slot.tick() is False
    assert not any(one.requires_grad for one in slot.parameters())
    assert slot.tick() is True
    assert [name for name, one in slot.named_parameters() if one.requires_grad] == learning
    assert "seed.bias" not in learning and "seed.weight" in learning
