"""Bad input to the operators: the error names the argument, what came and what was expected."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from kasmina.blend_ops import (
    blend_add,
    blend_gate,
    blend_multiply,
    gate_effective_alpha,
    multiply_valve_multiplier,
)
from kasmina.isolation import blend_with_isolation, ste_forward


def multiply(host_features: Any, seed_features: Any, alpha: Any, seed_input: Any) -> Tensor:
    return blend_multiply(host_features, seed_features, alpha, seed_input=seed_input)


FEATURES = ("host_features", "seed_features")
ARGUMENTS: dict[Callable[..., Tensor], tuple[str, ...]] = {
    blend_add: (*FEATURES, "alpha"),
    blend_with_isolation: (*FEATURES, "alpha"),
    ste_forward: FEATURES,
    multiply: (*FEATURES, "alpha", "seed_input"),
    blend_gate: (*FEATURES, "alpha", "gate"),
    gate_effective_alpha: ("alpha", "gate"),
    multiply_valve_multiplier: ("alpha", "seed_modulation"),
}
EACH_ARGUMENT = [
    pytest.param(operator, name, id=f"{operator.__name__}-{name}")
    for operator, names in ARGUMENTS.items()
    for name in names
]


def good(operator: Callable[..., Tensor]) -> dict[str, Any]:
    given: dict[str, Any] = {name: torch.randn(2, 3) for name in ARGUMENTS[operator]}
    for name in ("alpha", "gate"):
        if name in given:
            given[name] = torch.rand(2, 1)
    return given


@pytest.mark.parametrize(("operator", "name"), EACH_ARGUMENT)
@pytest.mark.parametrize("value", [None, 0.5, 1, [0.5], "0.5"], ids=repr)
def test_what_is_no_tensor_is_refused(
    operator: Callable[..., Tensor], name: str, value: object
) -> None:
    with pytest.raises(TypeError, match=rf"{name} must be a torch\.Tensor.*, got"):
        operator(**good(operator) | {name: value})


@pytest.mark.parametrize(("operator", "name"), EACH_ARGUMENT)
def test_what_is_not_floating_is_refused(operator: Callable[..., Tensor], name: str) -> None:
    given = good(operator)
    # An integer amplitude is allowed.
    integer = () if name == "alpha" else (torch.int64,)
    for dtype in (torch.bool, torch.complex64, *integer):
        with pytest.raises(TypeError, match=f"{name} must have a floating.*{dtype}"):
            operator(**given | {name: torch.ones_like(given[name], dtype=dtype)})


@pytest.mark.parametrize(("operator", "name"), EACH_ARGUMENT)
def test_another_device_is_refused(operator: Callable[..., Tensor], name: str) -> None:
    given = good(operator)
    with pytest.raises(ValueError, match=r"is on (meta|cpu), expected (meta|cpu)"):
        operator(**given | {name: given[name].to("meta")})


ENLARGING = [
    pytest.param(operator, name, id=f"{operator.__name__}-{name}")
    for operator in (blend_add, blend_with_isolation, ste_forward, multiply, blend_gate)
    for name in ARGUMENTS[operator]
    if name != "host_features"
]


@pytest.mark.parametrize(("operator", "name"), ENLARGING)
@pytest.mark.parametrize("shape", [(1, 2, 3), (4, 2, 3), (4, 1, 1)], ids=str)
def test_what_would_enlarge_the_result_is_refused(
    operator: Callable[..., Tensor], name: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=rf"{name} of shape .* \(2, 3\)"):
        operator(**good(operator) | {name: torch.rand(shape)})


@pytest.mark.parametrize(("operator", "name"), ENLARGING)
def test_a_larger_batch_does_not_stretch_a_host_of_one(
    operator: Callable[..., Tensor], name: str
) -> None:
    given = {key: value[:1] for key, value in good(operator).items()}
    with pytest.raises(ValueError, match=name):
        operator(**given | {name: torch.rand(2, 3)})


@pytest.mark.parametrize(("operator", "name"), ENLARGING)
def test_shapes_that_do_not_fit_are_refused(operator: Callable[..., Tensor], name: str) -> None:
    with pytest.raises(RuntimeError, match=rf"{name} of shape \(2, 4\) does not broadcast"):
        operator(**good(operator) | {name: torch.rand(2, 4)})


def test_seed_input_is_required_and_keyword_only() -> None:
    host = torch.ones(2, 3)
    with pytest.raises(TypeError, match="seed_input"):
        blend_multiply(host, host, torch.tensor(0.5))  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        blend_multiply(host, host, torch.tensor(0.5), host)  # type: ignore[misc]
