"""The registry of blueprints."""

from typing import Any

import pytest
import torch
from torch import nn

from kasmina.blueprints import BlueprintRegistry


def test_noop_returns_its_input() -> None:
    module = BlueprintRegistry.create("cnn", "noop", 4)
    x = torch.randn(1, 4, 2, 2)
    assert module(x) is x
    assert list(module.parameters()) == []


def test_decorator_registers_and_returns_the_factory() -> None:
    def build(dim: int) -> nn.Module:
        return nn.Linear(dim, dim)

    decorated = BlueprintRegistry.register("own", "transformer", 20, "for this test")(build)
    try:
        assert decorated is build
        assert BlueprintRegistry.create("transformer", "own", 3).in_features == 3
        assert BlueprintRegistry.get("transformer", "own").description == "for this test"
        with pytest.raises(ValueError, match="'own' is already registered for transformer"):
            BlueprintRegistry.register("own", "transformer", 20)(build)
    finally:
        BlueprintRegistry.unregister("transformer", "own")
    with pytest.raises(ValueError, match="not available"):
        BlueprintRegistry.create("transformer", "own", 3)


def test_unknown_blueprint_names_what_there_is() -> None:
    with pytest.raises(ValueError, match="'moon' is not available for cnn, registered: noop"):
        BlueprintRegistry.create("cnn", "moon", 4)
    with pytest.raises(ValueError, match="not available"):
        BlueprintRegistry.unregister("transformer", "noop")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("", "cnn", 0), ValueError),
        ((None, "cnn", 0), TypeError),
        (("own", "rnn", 0), ValueError),
        (("own", "cnn", -1), ValueError),
        (("own", "cnn", 1.5), TypeError),
    ],
    ids=str,
)
def test_bad_registration_is_refused(arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"name|topology|param_estimate"):
        BlueprintRegistry.register(*arguments)


@pytest.mark.parametrize(("dim", "error"), [(0, ValueError), (None, TypeError), (2.0, TypeError)])
def test_bad_dimension_is_refused(dim: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="dim"):
        BlueprintRegistry.create("cnn", "noop", dim)


def test_factory_must_be_callable() -> None:
    with pytest.raises(TypeError, match="factory must be callable, got None"):
        BlueprintRegistry.register("own", "cnn", 0)(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not available"):
        BlueprintRegistry.get("cnn", "own")


def test_factory_must_build_a_module() -> None:
    BlueprintRegistry.register("broken", "cnn", 0)(lambda dim: None)  # type: ignore[arg-type,return-value]
    try:
        with pytest.raises(
            TypeError, match=r"'broken' builds must be a torch\.nn\.Module, got None"
        ):
            BlueprintRegistry.create("cnn", "broken", 4)
    finally:
        BlueprintRegistry.unregister("cnn", "broken")
