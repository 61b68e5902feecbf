"""SeedSlot.forward: values, gradients, layouts, and what it refuses."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from kasmina.alpha import AlphaAlgorithm
from kasmina.blend_ops import blend_gate, blend_multiply
from kasmina.slot import SeedSlot
from kasmina.stages import SeedStage, is_active_stage

MakeSlot = Callable[..., SeedSlot]
ALGORITHMS = tuple(AlphaAlgorithm)


@pytest.fixture
def host() -> Tensor:
    return torch.randn(2, 3, 4, 5, requires_grad=True)


def expected(slot: SeedSlot, host: Tensor, alpha: float) -> Tensor:
    """The formula of the slot's operator, fed with the host as the seed's input."""
    assert slot.seed is not None
    assert slot.state is not None
    amplitude, seed_input = torch.tensor(alpha), host
    if slot.isolate_gradients:
        seed_input = host.detach()
    seed = slot.seed(seed_input)
    if slot.state.alpha_algorithm == AlphaAlgorithm.MULTIPLY:
        return blend_multiply(host, seed, amplitude, seed_input=seed_input)
    if slot.state.alpha_algorithm == AlphaAlgorithm.GATE:
        assert slot.alpha_schedule is not None
        gate = slot.alpha_schedule.get_alpha_for_blend(seed_input)
        return blend_gate(host, seed, amplitude, gate)
    return torch.lerp(host, seed, alpha)


@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_values_and_gradients_of_every_algorithm(
    make_slot: MakeSlot, host: Tensor, algorithm: AlphaAlgorithm, isolate: bool
) -> None:
    slot = make_slot(algorithm, alpha=0.4, isolate=isolate)
    result, reference = slot(host), expected(slot, host, 0.4)
    torch.testing.assert_close(result, reference)
    upstream = torch.randn_like(host)
    (dh,) = torch.autograd.grad(result, host, upstream)
    (reference_dh,) = torch.autograd.grad(reference, host, upstream)
    torch.testing.assert_close(dh, reference_dh)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_isolated_host_receives_its_direct_path_only(
    make_slot: MakeSlot, host: Tensor, algorithm: AlphaAlgorithm
) -> None:
    slot = make_slot(algorithm, alpha=0.4, isolate=True)
    slot(host).sum().backward()
    assert slot.seed is not None
    with torch.no_grad():
        t = torch.tanh(slot.seed(host) - host)
        direct = {
            AlphaAlgorithm.ADD: torch.full_like(host, 0.6),
            AlphaAlgorithm.MULTIPLY: 1 + 0.4 * t,
        }
        if slot.alpha_schedule is not None:
            gate = slot.alpha_schedule.get_alpha_for_blend(host)
            direct[AlphaAlgorithm.GATE] = (1 - 0.4 * gate).expand_as(host)
    torch.testing.assert_close(host.grad, direct[algorithm])
    assert all(p.grad is not None for p in slot.get_parameters())


@pytest.mark.parametrize("stage", [s for s in SeedStage if not is_active_stage(s)])
def test_inactive_stage_returns_the_host_itself(
    make_slot: MakeSlot, host: Tensor, stage: SeedStage
) -> None:
    slot = make_slot(stage=stage)
    assert slot.seed is not None
    slot.seed.register_forward_pre_hook(lambda module, args: pytest.fail("the seed was called"))
    assert slot(host) is host


def test_empty_slot_returns_the_host_itself(host: Tensor) -> None:
    assert SeedSlot("r0", 3)(host) is host


@pytest.mark.parametrize("isolate", [False, True])
def test_training_passes_the_host_straight_through(
    make_slot: MakeSlot, host: Tensor, isolate: bool
) -> None:
    slot = make_slot(stage=SeedStage.TRAINING, alpha=0.0, isolate=isolate)
    result = slot(host)
    assert torch.equal(result, host)
    result.sum().backward()
    assert all(p.grad is not None for p in slot.get_parameters())
    assert torch.equal(host.grad, torch.ones_like(host)) == isolate


def test_training_with_an_amplitude_blends(make_slot: MakeSlot, host: Tensor) -> None:
    slot = make_slot(stage=SeedStage.TRAINING, alpha=0.3)
    torch.testing.assert_close(slot(host), expected(slot, host, 0.3))
    slot.set_alpha(0.0)
    override = slot(host, alpha_override=torch.tensor(0.3))
    torch.testing.assert_close(override, expected(slot, host, 0.3))


def test_frozen_seed_in_training_warns(make_slot: MakeSlot, host: Tensor) -> None:
    slot = make_slot(stage=SeedStage.TRAINING, alpha=0.0, isolate=True)
    assert slot.seed is not None
    slot.seed.requires_grad_(False)
    with pytest.warns(UserWarning, match="'slot'.*TRAINING.*nothing trains") as told:
        slot(host)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with torch.no_grad():
            slot(host)
        slot.seed.requires_grad_(True)
        slot(host)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("isolate", [False, True])
def test_channels_last_host_gives_a_channels_last_result(
    make_slot: MakeSlot, algorithm: AlphaAlgorithm, isolate: bool
) -> None:
    slot, seen = make_slot(algorithm, isolate=isolate), []
    assert slot.seed is not None
    slot.seed.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    plain = torch.randn(2, 3, 4, 5)
    host = plain.contiguous(memory_format=torch.channels_last).requires_grad_()
    result = slot(host)
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert seen[0].is_contiguous() == isolate
    torch.testing.assert_close(result, slot(plain))


def test_isolation_copies_only_what_is_not_contiguous(make_slot: MakeSlot, host: Tensor) -> None:
    slot, seen = make_slot(isolate=True), []
    assert slot.seed is not None
    slot.seed.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    slot(host)
    assert seen[0].data_ptr() == host.data_ptr()
    assert not seen[0].requires_grad


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_result_has_the_dtype_of_the_host(
    make_slot: MakeSlot, algorithm: AlphaAlgorithm, dtype: torch.dtype
) -> None:
    slot = make_slot(algorithm)
    assert slot.seed is not None
    slot.seed.to(dtype)
    assert slot(torch.randn(2, 3, 4, 4, dtype=dtype)).dtype == dtype


def test_override_per_sample(make_slot: MakeSlot, host: Tensor) -> None:
    slot = make_slot(alpha=0.9)
    override = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1)
    result = slot(host, alpha_override=override)
    assert slot.seed is not None
    assert torch.equal(result[0], host[0])
    assert torch.equal(result[1], slot.seed(host)[1])


@pytest.mark.parametrize(
    ("override", "error"),
    [
        (torch.rand(2, 1, 1), ValueError),
        (torch.rand(2, 1, 1, 1, 1), ValueError),
        (torch.rand(1), ValueError),
        (torch.rand(3, 1, 1, 1), ValueError),
        (torch.rand((), device="meta"), ValueError),
        (torch.tensor(True), TypeError),
        (0.5, TypeError),
    ],
    ids=["rank 3", "rank 5", "rank 1", "size", "device", "bool", "float"],
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_bad_override_is_refused(
    make_slot: MakeSlot,
    host: Tensor,
    algorithm: AlphaAlgorithm,
    override: Any,
    error: type[Exception],
) -> None:
    with pytest.raises(error, match="alpha_override"):
        make_slot(algorithm)(host, alpha_override=override)


@pytest.mark.parametrize("value", [None, 0.5, torch.ones(2, 3, 4, 4, dtype=torch.int64)])
def test_bad_host_is_refused(make_slot: MakeSlot, value: Any) -> None:
    with pytest.raises(TypeError, match="host_features must"):
        make_slot()(value)


def test_gate_and_algorithm_must_match(make_slot: MakeSlot, host: Tensor) -> None:
    slot = make_slot(AlphaAlgorithm.GATE)
    assert slot.state is not None
    for algorithm in (AlphaAlgorithm.ADD, AlphaAlgorithm.MULTIPLY):
        slot.state.alpha_algorithm = algorithm
        with pytest.raises(RuntimeError, match=f"alpha_schedule.*{algorithm.name}"):
            slot(host)
    slot.state.alpha_algorithm = 9  # type: ignore[assignment]
    with pytest.raises(ValueError, match="alpha_algorithm"):
        slot(host)
    slot.state.alpha_algorithm, slot.alpha_schedule = AlphaAlgorithm.GATE, None
    with pytest.raises(RuntimeError, match="GATE needs a gate module"):
        slot(host)
