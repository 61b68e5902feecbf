"""B2-DRL-03: an override of the amplitude with the wrong rank enlarged the features silently."""

import pytest
import torch
from torch import nn

from kasmina.blueprints import BlueprintRegistry
from kasmina.slot import SeedSlot
from kasmina.stages import SeedStage


@pytest.mark.finding("B2-DRL-03")
def test_override_of_another_rank_is_refused() -> None:
    """A slot refuses an override whose rank is neither 0 nor the host's."""
    BlueprintRegistry.register("verification-linear", "transformer", 20)(
        lambda width: nn.Linear(width, width)
    )
    try:
        slot = SeedSlot("verification", channels=4)
        slot.germinate("verification-linear", topology="transformer")
    finally:
        BlueprintRegistry.unregister("transformer", "verification-linear")
    slot.state.transition(SeedStage.TRAINING)
    slot.state.transition(SeedStage.BLENDING)
    host = torch.randn(2, 5, 4)

    assert slot(host, alpha_override=torch.full((2, 1, 1), 0.5)).shape == host.shape
    with pytest.raises(ValueError, match="alpha_override"):
        slot(host, alpha_override=torch.full((2, 1, 1, 1), 0.5))
