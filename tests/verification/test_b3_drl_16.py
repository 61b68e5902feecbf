"""B3-DRL-16: a frozen seed in training learns nothing, and nobody was told."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from kasmina.stages import SeedStage


@pytest.mark.finding("B3-DRL-16")
def test_frozen_seed_in_training_is_reported(blending_slot: Callable[..., Any]) -> None:
    """A forward pass in TRAINING warns when the seed's features require no gradients."""
    slot = blending_slot("ADD", isolate=True, alpha=0.0)
    slot.state.stage = SeedStage.TRAINING
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slot(torch.randn(2, 3, 4, 4, requires_grad=True))
    slot.seed.requires_grad_(False)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error")
        slot(torch.randn(2, 3, 4, 4))
    with pytest.warns(UserWarning, match="TRAINING"):
        slot(torch.randn(2, 3, 4, 4, requires_grad=True))
