"""SeedState: construction, transitions, dictionary form."""

import json
import math
from typing import Any

import pytest

from kasmina.alpha import AlphaAlgorithm
from kasmina.alpha_controller import AlphaController
from kasmina.slot import SeedState
from kasmina.stages import SeedStage


def test_defaults() -> None:
    state = SeedState("s1", "noop")
    assert (state.slot_id, state.stage, state.previous_stage) == (
        "",
        SeedStage.DORMANT,
        SeedStage.UNKNOWN,
    )
    assert (state.alpha, state.alpha_algorithm) == (0.0, AlphaAlgorithm.ADD)
    assert state.alpha_controller is not SeedState("s2", "noop").alpha_controller


def test_controller_takes_over_the_amplitude() -> None:
    controller = AlphaController(alpha=0.1)
    assert (
        SeedState("s1", "noop", alpha=0.7, alpha_controller=controller).alpha_controller.alpha
        == 0.7
    )


def test_transition_moves_on_or_changes_nothing() -> None:
    state = SeedState("s1", "noop")
    assert state.can_transition_to(SeedStage.GERMINATED)
    assert state.transition(SeedStage.GERMINATED) is True
    assert (state.previous_stage, state.stage) == (SeedStage.DORMANT, SeedStage.GERMINATED)
    assert state.transition(SeedStage.FOSSILIZED) is False
    assert (state.previous_stage, state.stage) == (SeedStage.DORMANT, SeedStage.GERMINATED)


def test_dictionary_brings_everything_back() -> None:
    controller = AlphaController()
    controller.retarget(alpha_target=1.0, alpha_steps_total=4)
    state = SeedState(
        "s1",
        "noop",
        "slot",
        SeedStage.BLENDING,
        SeedStage.TRAINING,
        0.4,
        controller,
        AlphaAlgorithm.GATE,
    )
    assert SeedState.from_dict(json.loads(json.dumps(state.to_dict()))) == state


@pytest.mark.parametrize("key", list(SeedState("s1", "noop").to_dict()))
def test_missing_key_is_named(key: str) -> None:
    data = SeedState("s1", "noop").to_dict()
    del data[key]
    with pytest.raises(KeyError, match=key):
        SeedState.from_dict(data)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"seed_id": ""}, ValueError),
        ({"seed_id": None}, TypeError),
        ({"blueprint_id": 3}, TypeError),
        ({"alpha": math.nan}, ValueError),
        ({"alpha": 1.5}, ValueError),
        ({"alpha": "0.5"}, TypeError),
        ({"stage": 5}, ValueError),
        ({"previous_stage": None}, ValueError),
        ({"alpha_algorithm": 9}, ValueError),
        ({"alpha_controller": None}, TypeError),
    ],
    ids=str,
)
def test_bad_field_is_named(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(wrong))):
        SeedState(**({"seed_id": "s1", "blueprint_id": "noop"} | wrong))
