"""Fixtures of the unit tests for the package."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from kasmina.alpha import AlphaAlgorithm
from kasmina.blueprints import BlueprintRegistry
from kasmina.slot import SeedSlot
from kasmina.stages import SeedStage


class ResidualSeed(nn.Module):
    """x + conv(x): keeps the shape and changes the values."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 1)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(torch.relu(self.first(x)))


@pytest.fixture(autouse=True)
def _reproducible() -> None:
    # Of the CPU alone: torch.manual_seed also leaves a formatted stack for each kind of device.
    torch.default_generator.manual_seed(7)


@pytest.fixture(autouse=True)
def _blueprints() -> Iterator[None]:
    """Two blueprints for the tests, gone again afterwards."""
    BlueprintRegistry.register("residual", "cnn", 100)(ResidualSeed)
    BlueprintRegistry.register("linear", "transformer", 20)(lambda width: nn.Linear(width, width))
    yield
    BlueprintRegistry.unregister("cnn", "residual")
    BlueprintRegistry.unregister("transformer", "linear")


@pytest.fixture
def make_slot() -> Callable[..., SeedSlot]:
    """Builds a slot with a residual seed that changes its input, in the stage asked for."""

    def make(
        algorithm: AlphaAlgorithm = AlphaAlgorithm.ADD,
        *,
        alpha: float = 0.4,
        stage: SeedStage = SeedStage.BLENDING,
        isolate: bool = False,
    ) -> SeedSlot:
        slot = SeedSlot("slot", channels=3)
        gated = algorithm == AlphaAlgorithm.GATE
        blend = "gated" if gated else "sigmoid"
        state = slot.germinate("residual", blend_algorithm_id=blend, alpha_algorithm=algorithm)
        if gated:
            slot.start_blending(10)
        assert slot.seed is not None
        nn.init.normal_(slot.seed.last.weight, std=0.2)
        state.stage = stage
        slot.set_alpha(alpha)
        slot.isolate_gradients = isolate
        return slot

    return make
