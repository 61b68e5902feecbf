"""KAS-24: a gate computed from the host's own tensor lets gradients around the isolation."""

from collections.abc import Callable
from typing import Any

import pytest
import torch


@pytest.mark.finding("KAS-24")
def test_gate_is_computed_from_the_input_of_the_seed(blending_slot: Callable[..., Any]) -> None:
    """With isolation the host receives 1 − e from a gated blend, and the gate still learns."""
    slot = blending_slot("GATE", isolate=True)
    host = torch.randn(2, 3, 4, 4, requires_grad=True)

    slot(host).square().sum().backward()

    with torch.no_grad():
        weight = slot.alpha * slot.alpha_schedule.get_alpha_for_blend(host)
        upstream = 2 * torch.lerp(host, slot.seed(host), weight)
    torch.testing.assert_close(host.grad, upstream * (1 - weight))
    assert all(p.grad is not None for p in slot.alpha_schedule.parameters())


@pytest.mark.finding("KAS-24")
def test_a_gated_slot_says_that_it_gates(blending_slot: Callable[..., Any]) -> None:
    """Starting a gated blend makes GATE the slot's algorithm, with a gate of its own topology."""
    from kasmina.alpha import AlphaAlgorithm

    slot = blending_slot("GATE")
    slot.state.alpha_algorithm = AlphaAlgorithm.ADD
    slot.start_blending(total_steps=3)
    assert slot.state.alpha_algorithm is AlphaAlgorithm.GATE
    assert (slot.alpha_schedule.topology, slot.alpha_schedule.total_steps) == ("cnn", 3)
    assert slot.alpha_schedule.channels == slot.channels
