"""What the verification suite needs, and nothing from outside this directory.

The suite may be copied elsewhere and run against another copy of ``kasmina``: it imports only that
package, torch and pytest, and leaves ``sys.path`` to whoever runs it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "finding(*keys, purpose='demonstrates'): the tickets that a verification test belongs to",
    )


@pytest.fixture(autouse=True)
def _reproducible() -> None:
    """Same random tensors in every run, whatever ran before."""
    # Of the CPU alone: torch.manual_seed also leaves a formatted stack for each kind of device.
    torch.default_generator.manual_seed(20)


@pytest.fixture
def blending_slot() -> Iterator[Callable[..., Any]]:
    """Builds a slot in BLENDING with a convolution as its seed, which changes what it is given.

    The package is imported when the builder is called: if that fails, the test fails, and not the
    loading of this file.
    """

    def build(algorithm: str = "ADD", *, isolate: bool = False, alpha: float = 0.4) -> Any:
        from kasmina.alpha import AlphaAlgorithm
        from kasmina.slot import SeedSlot
        from kasmina.stages import SeedStage

        slot = SeedSlot("verification", channels=3)
        gated = algorithm == "GATE"
        slot.germinate(
            _register_convolution(),
            blend_algorithm_id="gated" if gated else "sigmoid",
            alpha_algorithm=AlphaAlgorithm[algorithm],
        )
        for stage in (SeedStage.TRAINING, SeedStage.BLENDING):
            assert slot.state.transition(stage) is True
            assert slot.state.stage is stage
        if gated:
            slot.start_blending(total_steps=10)
        # MULTIPLY starts with a zeroed seed. A moderate one keeps tanh away from saturation.
        nn.init.normal_(slot.seed.weight, std=0.2)
        slot.set_alpha(alpha)
        slot.isolate_gradients = isolate
        return slot

    yield build
    _unregister_convolution()


_BLUEPRINT = "verification-convolution"


def _register_convolution() -> str:
    from kasmina.blueprints import BlueprintRegistry

    _unregister_convolution()
    BlueprintRegistry.register(_BLUEPRINT, "cnn", param_estimate=90)(
        lambda channels: nn.Conv2d(channels, channels, 3, padding=1)
    )
    return _BLUEPRINT


def _unregister_convolution() -> None:
    from kasmina.blueprints import BlueprintRegistry

    try:
        BlueprintRegistry.unregister("cnn", _BLUEPRINT)
    except ValueError:
        return
