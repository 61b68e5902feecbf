"""SeedSlot: construction, germination, the ramp, and moving about."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kasmina.alpha import AlphaAlgorithm, AlphaCurve, AlphaMode
from kasmina.blending import GatedBlend
from kasmina.blueprints import BlueprintRegistry
from kasmina.slot import SeedSlot
from kasmina.stages import SeedStage

MakeSlot = Callable[..., SeedSlot]


def test_new_slot_is_empty() -> None:
    slot = SeedSlot("r0", 4)
    assert (slot.slot_id, slot.channels, slot.device) == ("r0", 4, torch.device("cpu"))
    assert slot.seed is None
    assert slot.state is None
    assert slot.alpha_schedule is None
    assert (slot.is_active, slot.alpha, slot.isolate_gradients) == (False, 0.0, False)
    assert list(slot.get_parameters()) == []


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        (("", 4), ValueError, "slot_id"),
        ((None, 4), TypeError, "slot_id"),
        (("r0", 0), ValueError, "channels"),
        (("r0", 2.5), TypeError, "channels"),
        (("r0", 4, "moon"), ValueError, "device"),
        (("r0", 4, 3), TypeError, "device"),
    ],
    ids=str,
)
def test_bad_construction_is_refused(
    arguments: tuple[Any, ...], error: type[Exception], name: str
) -> None:
    with pytest.raises(error, match=name):
        SeedSlot(*arguments)


def test_germination_fills_the_slot() -> None:
    slot = SeedSlot("r0", 3)
    state = slot.germinate("residual", "s1", alpha_algorithm=AlphaAlgorithm.MULTIPLY)
    assert slot.state is state
    assert slot.is_active
    assert (state.seed_id, state.blueprint_id, state.slot_id) == ("s1", "residual", "r0")
    assert (state.previous_stage, state.stage) == (SeedStage.DORMANT, SeedStage.GERMINATED)
    assert state.alpha_algorithm is AlphaAlgorithm.MULTIPLY
    assert slot.alpha_schedule is None
    assert SeedSlot("r1", 3).germinate("residual").seed_id != state.seed_id


def test_multiply_zeroes_the_last_layer_only() -> None:
    slot = SeedSlot("r0", 3)
    slot.germinate("residual", alpha_algorithm=AlphaAlgorithm.MULTIPLY)
    assert slot.seed is not None
    assert all(bool((p == 0).all()) for p in slot.seed.last.parameters())
    assert bool(slot.seed.first.weight.abs().sum() > 0)
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(slot.seed(x), x)
    SeedSlot("r1", 3).germinate("noop", alpha_algorithm=AlphaAlgorithm.MULTIPLY)


def test_occupied_slot_is_unavailable(make_slot: MakeSlot) -> None:
    with pytest.raises(RuntimeError, match="unavailable for germination"):
        make_slot().germinate("noop")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"blueprint_id": "moon"}, "not available"),
        ({"alpha_target": 0.0}, "alpha_target"),
        ({"alpha_target": 1.01}, "alpha_target"),
        ({"alpha_target": math.nan}, "alpha_target"),
        ({"blend_algorithm_id": "gated"}, "go together"),
        ({"alpha_algorithm": AlphaAlgorithm.GATE}, "go together"),
        ({"alpha_algorithm": 9}, "alpha_algorithm"),
        ({"topology": "rnn"}, "topology"),
        ({"seed_id": ""}, "seed_id"),
    ],
    ids=str,
)
def test_refused_germination_leaves_the_slot_empty(wrong: dict[str, Any], message: str) -> None:
    slot = SeedSlot("r0", 3)
    with pytest.raises(ValueError, match=message):
        slot.germinate(**({"blueprint_id": "residual"} | wrong))
    assert slot.seed is None
    assert slot.state is None


class Probed(nn.Module):
    """Answers with what it was built with, and remembers how it was asked."""

    def __init__(self, answer: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.answer = answer
        self.seen: list[tuple[tuple[int, ...], bool, bool]] = []
        self.part = nn.Dropout()
        self.part.eval()

    def forward(self, x: Tensor) -> Any:
        self.seen.append((tuple(x.shape), self.training, torch.is_grad_enabled()))
        return self.answer(x)


@pytest.fixture
def germinate_probed() -> Callable[..., SeedSlot]:
    def germinate(answer: Callable[[Tensor], Any], topology: str = "cnn") -> SeedSlot:
        slot = SeedSlot("r0", 3)
        BlueprintRegistry.register("probed", topology, 0)(lambda dim: Probed(answer))
        try:
            slot.germinate("probed", topology=topology)
        finally:
            BlueprintRegistry.unregister(topology, "probed")
        return slot

    return germinate


@pytest.mark.parametrize(
    ("topology", "shape"), [("cnn", (1, 3, 32, 32)), ("transformer", (2, 8, 3))]
)
def test_seed_is_probed_in_eval_mode_without_gradients(
    germinate_probed: MakeSlot, topology: str, shape: tuple[int, ...]
) -> None:
    seed = germinate_probed(lambda x: x, topology).seed
    assert isinstance(seed, Probed)
    assert seed.seen == [(shape, False, False)]
    assert seed.training is True
    assert seed.part.training is False


@pytest.mark.parametrize("answer", [lambda x: x[:, :1], lambda x: None, lambda x: (x, x)])
def test_seed_that_does_not_keep_the_shape_is_refused(
    germinate_probed: MakeSlot, answer: Callable[[Tensor], Any]
) -> None:
    with pytest.raises(AssertionError, match=r"tensor of shape \(1, 3, 32, 32\), got"):
        germinate_probed(answer)


def test_probe_leaves_the_random_generator_alone() -> None:
    before = torch.get_rng_state()
    SeedSlot("r0", 3).germinate("noop")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.3, 0.3), (-1, 0.0), (2, 1.0), (1e-7, 1e-7), (1 - 1e-7, 1 - 1e-7)]
)
def test_set_alpha_clamps(make_slot: MakeSlot, value: float, expected: float) -> None:
    slot = make_slot()
    slot.set_alpha(value)
    assert slot.state is not None
    assert slot.alpha == slot.state.alpha_controller.alpha == expected


def test_small_increments_never_pass_one(make_slot: MakeSlot) -> None:
    slot = make_slot(alpha=0.0)
    for _ in range(10001):
        slot.set_alpha(slot.alpha + 1e-4)
    assert slot.alpha == 1.0


def test_set_alpha_without_state_does_nothing() -> None:
    slot = SeedSlot("r0", 3)
    slot.set_alpha(0.5)
    assert slot.alpha == 0.0


@pytest.mark.parametrize(
    ("value", "error"), [(math.nan, ValueError), (None, TypeError), ("1", TypeError)]
)
def test_set_alpha_refuses_what_is_no_number(
    make_slot: MakeSlot, value: Any, error: type[Exception]
) -> None:
    slot = make_slot(alpha=0.4)
    with pytest.raises(error, match="alpha must be a number"):
        slot.set_alpha(value)
    with pytest.raises(error, match="alpha must be a number"), slot.force_alpha(value):
        pass
    assert slot.alpha == 0.4


@pytest.mark.parametrize(
    ("blend", "curve"), [("linear", AlphaCurve.LINEAR), ("sigmoid", AlphaCurve.SIGMOID)]
)
def test_ramp_without_a_gate(blend: str, curve: AlphaCurve) -> None:
    slot = SeedSlot("r0", 3)
    state = slot.germinate("residual", blend_algorithm_id=blend, alpha_target=0.8)
    slot.set_alpha(0.2)
    slot.start_blending(4, steepness=9.0)
    controller = state.alpha_controller
    assert (controller.alpha_curve, controller.alpha_steepness) == (curve, 9.0)
    assert (controller.alpha_start, controller.alpha_target) == (0.2, 0.8)
    assert slot.alpha_schedule is None
    assert [slot.tick() for _ in range(5)] == [False, False, False, True, False]
    assert slot.alpha == 0.8


def test_ramp_with_a_gate() -> None:
    slot = SeedSlot("r0", 3)
    state = slot.germinate(
        "residual", blend_algorithm_id="gated", alpha_algorithm=AlphaAlgorithm.GATE
    )
    slot.start_blending(4)
    gate = slot.alpha_schedule
    assert isinstance(gate, GatedBlend)
    assert (gate.channels, gate.topology, gate.total_steps) == (3, "cnn", 4)
    assert dict(slot.named_modules())["alpha_schedule"] is gate
    assert state.alpha_controller.alpha_curve is AlphaCurve.LINEAR
    assert slot.seed is not None
    expected = [*slot.seed.parameters(), *gate.parameters()]
    assert [id(p) for p in slot.get_parameters()] == [id(p) for p in expected]


def test_blending_refuses_what_it_cannot_start() -> None:
    slot = SeedSlot("r0", 3)
    with pytest.raises(RuntimeError, match="no seed"):
        slot.start_blending(4)
    slot.germinate("residual", blend_algorithm_id="moon")
    with pytest.raises(ValueError, match=r"blend_algorithm_id must be one of .*'moon'"):
        slot.start_blending(4)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((None,), TypeError, "alpha_steps_total must be a number, got None"),
        ((4, None), TypeError, "steepness must be a number, got None"),
        ((4, math.nan), ValueError, "steepness must be a number, got NaN"),
    ],
    ids=str,
)
def test_bad_ramp_leaves_the_slot_as_it_was(
    make_slot: MakeSlot, arguments: Any, error: type[Exception], message: str
) -> None:
    slot = make_slot()
    before = copy.deepcopy(slot.state)
    with pytest.raises(error, match=message):
        slot.start_blending(*arguments)
    assert slot.state == before


class HalfOpenGate:
    """What a slot needs of a gate, without being a module."""

    algorithm_id, total_steps, current_step = "half-open", 1, 0

    def get_alpha_for_blend(self, x: Tensor) -> Tensor:
        return torch.full((x.shape[0], 1, 1, 1), 0.5)


def test_gate_need_not_be_a_module(make_slot: MakeSlot) -> None:
    slot, host = make_slot(alpha=0.4), torch.randn(2, 3, 4, 4)
    assert slot.state is not None
    assert slot.seed is not None
    slot.alpha_schedule, slot.state.alpha_algorithm = HalfOpenGate(), AlphaAlgorithm.GATE
    torch.testing.assert_close(slot(host), torch.lerp(host, slot.seed(host), 0.2))
    assert len(list(slot.get_parameters())) == len(list(slot.seed.parameters()))
    slot.state.alpha_controller.retarget(alpha_target=0.0, alpha_steps_total=3)
    slot.tick()
    assert not any(p.requires_grad for p in slot.get_parameters())
    assert slot.to("meta") is slot


def test_tick_without_state_does_nothing() -> None:
    assert SeedSlot("r0", 3).tick() is False


@pytest.mark.parametrize("algorithm", [AlphaAlgorithm.ADD, AlphaAlgorithm.GATE])
def test_seed_is_frozen_on_the_way_down_and_exactly_restored(
    make_slot: MakeSlot, algorithm: AlphaAlgorithm
) -> None:
    slot = make_slot(algorithm, alpha=0.8)
    assert slot.state is not None
    assert slot.seed is not None
    slot.seed.first.bias.requires_grad_(False)
    before = {name: p.requires_grad for name, p in slot.named_parameters()}
    slot.state.alpha_controller.alpha_mode = AlphaMode.HOLD
    slot.state.alpha_controller.retarget(alpha_target=0.0, alpha_steps_total=3)
    for _ in range(2):
        slot.tick()
        assert not any(p.requires_grad for p in slot.get_parameters())
    assert slot.tick() is True
    assert {name: p.requires_grad for name, p in slot.named_parameters()} == before


def test_ramp_that_leads_down_freezes_from_its_start() -> None:
    slot = SeedSlot("r0", 3)
    slot.germinate("residual", alpha_target=0.2)
    slot.set_alpha(0.9)
    slot.start_blending(2)
    assert not any(p.requires_grad for p in slot.get_parameters())
    assert [slot.tick(), slot.tick()] == [False, True]
    assert all(p.requires_grad for p in slot.get_parameters())


def test_force_alpha_restores_nested_and_after_errors(make_slot: MakeSlot) -> None:
    slot = make_slot(alpha=0.4)
    with slot.force_alpha(0.0):
        assert slot.alpha == 0.0
        with pytest.raises(KeyError, match=r"1\.5"), slot.force_alpha(1.5):
            {}[slot.alpha]
        assert slot.alpha == 0.0
    assert slot.alpha == 0.4


def test_force_alpha_puts_the_gate_aside_unless_it_is_needed(make_slot: MakeSlot) -> None:
    slot = make_slot(AlphaAlgorithm.GATE)
    gate = slot.alpha_schedule
    assert slot.state is not None
    with slot.force_alpha(0.0):
        assert slot.alpha_schedule is gate
    slot.state.alpha_algorithm = AlphaAlgorithm.ADD
    with slot.force_alpha(0.0), slot.force_alpha(0.5):
        assert slot.alpha_schedule is None
    assert slot.alpha_schedule is gate


def test_force_alpha_without_state_does_nothing() -> None:
    slot = SeedSlot("r0", 3)
    with slot.force_alpha(0.5):
        assert slot.alpha == 0.0


def test_slot_knows_its_device_after_a_move(make_slot: MakeSlot) -> None:
    slot = make_slot(AlphaAlgorithm.GATE)
    assert slot.to(torch.float64) is slot
    assert slot.device.type == "cpu"
    assert slot.to("meta") is slot
    assert slot.device.type == "meta"
    assert {p.device.type for p in slot.get_parameters()} == {"meta"}
    assert SeedSlot("r1", 3, device="meta").device.type == "meta"
