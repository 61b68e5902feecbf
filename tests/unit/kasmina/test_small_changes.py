"""What small changes of the package would do: each of these was found by a mutant that survived."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature

import pytest
import torch
from torch import nn

from kasmina._curves import curve_progress
from kasmina._germination import check_keeps_shape, zero_last_layer
from kasmina.alpha import AlphaAlgorithm, AlphaCurve, AlphaMode
from kasmina.alpha_controller import AlphaController
from kasmina.blending import BlendCatalog
from kasmina.blueprints import Blueprint, BlueprintRegistry
from kasmina.gated_blend import GatedBlend
from kasmina.seed_state import SeedState
from kasmina.slot import SeedSlot


def test_numbers_that_files_and_clients_hold_stay() -> None:
    assert [mode.value for mode in AlphaMode] == [0, 1, 2]
    assert [curve.value for curve in AlphaCurve] == [1, 2, 3]
    assert [algorithm.value for algorithm in AlphaAlgorithm] == [1, 2, 3]


def test_a_linear_ramp_goes_its_share_with_each_step() -> None:
    controller = AlphaController(alpha=0.0)
    assert controller.alpha_steps_done == 0
    controller.retarget(
        alpha_target=0.8,
        alpha_steps_total=4,
        alpha_curve=AlphaCurve.LINEAR,
        alpha_steepness=12.0,
    )
    seen = [(controller.step(), controller.alpha)[1] for _ in range(4)]

    assert seen == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_a_sigmoid_ramp_is_as_steep_as_it_was_asked_for() -> None:
    controller = AlphaController(alpha=0.0)
    controller.retarget(
        alpha_target=1.0,
        alpha_steps_total=4,
        alpha_curve=AlphaCurve.SIGMOID,
        alpha_steepness=3.0,
    )
    controller.step()

    assert controller.alpha == curve_progress(0.25, AlphaCurve.SIGMOID, 3.0)


def test_a_ramp_of_no_steps_is_at_its_target(make_slot: Callable[..., SeedSlot]) -> None:
    slot = make_slot(alpha=0.25)
    slot.start_blending(0)

    assert slot.state is not None
    assert slot.state.alpha == slot.state.alpha_controller.alpha == 1.0


def test_defaults_of_a_blend(make_slot: Callable[..., SeedSlot]) -> None:
    slot = make_slot()
    slot.start_blending(10)

    assert slot.state is not None
    assert slot.state.alpha_controller.alpha_steepness == 12.0
    assert slot.state.alpha_algorithm is AlphaAlgorithm.ADD


def test_a_gated_blend_makes_gate_the_algorithm(make_slot: Callable[..., SeedSlot]) -> None:
    slot = make_slot(AlphaAlgorithm.GATE)
    assert slot.state is not None
    slot.state.alpha_algorithm = AlphaAlgorithm.ADD
    slot.start_blending(3)

    assert slot.state.alpha_algorithm is AlphaAlgorithm.GATE


def falls_and_rises(slot: SeedSlot) -> None:
    """The amplitude goes down, which freezes, and up again, which restores."""
    assert slot.state is not None
    for target in (0.2, 0.8):
        slot.state.alpha_controller.retarget(alpha_target=target, alpha_steps_total=2)
        slot.tick()
        assert slot.tick() is True


def test_what_was_frozen_by_hand_since_the_last_fall_stays_frozen(
    make_slot: Callable[..., SeedSlot],
) -> None:
    slot = make_slot(alpha=0.8)
    falls_and_rises(slot)
    assert slot.seed is not None
    slot.seed.last.weight.requires_grad_(False)  # type: ignore[union-attr]
    falls_and_rises(slot)

    stay = [name for name, p in slot.named_parameters() if not p.requires_grad]
    assert stay == ["seed.last.weight"]


def test_a_seed_and_a_gate_whose_parameters_have_one_name_are_told_apart() -> None:
    slot = SeedSlot("slot", channels=3)
    slot.germinate("residual", blend_algorithm_id="gated", alpha_algorithm=AlphaAlgorithm.GATE)
    slot.seed = nn.ModuleDict({"gate": nn.Sequential(nn.Linear(3, 3))}).requires_grad_(False)
    slot.set_alpha(0.8)
    slot.start_blending(2)
    slot.tick()
    slot.tick()
    falls_and_rises(slot)

    assert {name for name, p in slot.named_parameters() if not p.requires_grad} == {
        "seed.gate.0.weight",
        "seed.gate.0.bias",
    }


def test_a_slot_that_moves_to_another_device_lets_its_gate_forget(
    make_slot: Callable[..., SeedSlot],
) -> None:
    slot, x = make_slot(AlphaAlgorithm.GATE), torch.zeros(1)
    gate = slot.alpha_schedule
    assert isinstance(gate, GatedBlend)
    kept = gate.cached_alpha_tensor(0.5, x)
    slot.to("cpu")
    assert gate.cached_alpha_tensor(0.5, x) is kept
    slot.to("meta")

    assert gate.cached_alpha_tensor(0.5, x) is not kept


def test_steps_that_are_to_be_taken_are_not_taken_yet() -> None:
    assert AlphaController(alpha_steps_total=4).alpha_steps_done == 0


def test_what_a_slot_was_germinated_with_is_loaded() -> None:
    first = SeedSlot("slot", channels=3)
    first.germinate("residual", blend_algorithm_id="sigmoid")
    kept = {**first.get_extra_state(), "topology": "transformer", "alpha_target": 0.5}
    kept["blend_algorithm_id"] = "linear"
    other = SeedSlot("slot", channels=3)
    other.set_extra_state(kept)

    assert other.get_extra_state() == kept


def test_a_number_becomes_the_algorithm_it_stands_for() -> None:
    kept = SeedSlot("slot", channels=3).germinate("residual").to_dict()
    state = SeedState.from_dict(kept)

    assert isinstance(state.alpha_algorithm, AlphaAlgorithm)
    with pytest.raises(TypeError, match="data must be a mapping, got int 3"):
        SeedState.from_dict(3)  # type: ignore[arg-type]


def test_only_the_last_of_three_layers_is_zeroed() -> None:
    seed = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    zero_last_layer(seed)

    assert [bool(layer.weight.any()) for layer in seed] == [True, True, False]


def test_a_seed_is_probed_in_its_own_dtype() -> None:
    check_keeps_shape(nn.Conv2d(3, 3, 1).double(), "cnn", 3, torch.device("cpu"))


def test_a_seed_is_moved_to_the_device_of_its_slot() -> None:
    slot = SeedSlot("slot", channels=3, device="meta")
    slot.germinate("residual")

    assert slot.seed is not None
    assert {p.device.type for p in slot.get_parameters()} == {"meta"}


def test_a_gate_of_a_transformer_refuses_other_channels() -> None:
    gate = GatedBlend(4, topology="transformer")
    with pytest.raises(ValueError, match="channels"):
        gate.get_alpha_for_blend(torch.zeros(2, 8, 5))


def test_errors_list_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"expected one of: gated$|expected one of: \w+(, \w+)+$"):
        BlendCatalog.create("none")
    with pytest.raises(ValueError, match=r"UP \(1\), DOWN \(2\)"):
        AlphaController(alpha=0.0, alpha_mode=9)  # type: ignore[arg-type]


def test_an_unknown_blend_of_a_loaded_slot_is_refused_with_those_there_are() -> None:
    slot = SeedSlot("slot", channels=3)
    slot.germinate("residual")
    slot.set_extra_state({**slot.get_extra_state(), "blend_algorithm_id": "none"})
    with pytest.raises(ValueError, match=r"one of linear, sigmoid, gated, got str 'none'"):
        slot.start_blending(10)


def test_defaults_of_a_gate_and_of_a_blueprint() -> None:
    assert signature(GatedBlend).parameters["total_steps"].default == 10
    assert signature(Blueprint).parameters["description"].default == ""
    assert signature(BlueprintRegistry.register).parameters["description"].default == ""
