"""The base class of blend algorithms, and the catalogue."""

from typing import Any

import pytest
import torch
from torch import Tensor

from kasmina.blending import AlphaScheduleProtocol, BlendAlgorithm, BlendCatalog, GatedBlend


class HalfGate(BlendAlgorithm):
    algorithm_id = "half"

    def get_alpha_for_blend(self, x: Tensor) -> Tensor:
        return self.cached_alpha_tensor(0.5, x)


def test_base_class_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        BlendAlgorithm()  # type: ignore[abstract]
    assert BlendAlgorithm.algorithm_id == "base"


def test_own_algorithm_only_needs_the_gate() -> None:
    gate = HalfGate()
    assert gate.current_step == 0
    assert gate.get_alpha_for_blend(torch.zeros(2)).item() == 0.5
    # The protocol also asks for total_steps, which the base class does not have.
    assert not isinstance(gate, AlphaScheduleProtocol)


@pytest.mark.parametrize(
    ("step", "error"), [(None, TypeError), ("3", TypeError), (2.5, TypeError), (-1, ValueError)]
)
def test_step_is_a_count(step: Any, error: type[Exception]) -> None:
    gate = HalfGate()
    with pytest.raises(error, match="step"):
        gate.step(step)
    assert gate.current_step == 0


def test_catalogue_lists_and_creates() -> None:
    assert BlendCatalog.list_algorithms() == ["gated"]
    gate = BlendCatalog.create("gated", channels=4, topology="transformer", total_steps=3)
    assert isinstance(gate, GatedBlend)
    assert (gate.channels, gate.topology, gate.total_steps) == (4, "transformer", 3)


@pytest.mark.parametrize("name", ["linear", "", None])
def test_unknown_algorithm_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"^Unknown blend algorithm.*gated"):
        BlendCatalog.create(name, channels=4)


def test_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        BlendCatalog._algorithms["half"] = HalfGate  # type: ignore[index]
    BlendCatalog.list_algorithms().clear()
    assert BlendCatalog.list_algorithms() == ["gated"]
