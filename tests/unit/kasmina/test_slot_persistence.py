"""A slot's amplitude takes effect however it was changed, and a slot can be copied and stored."""

import copy
import io
import math
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from kasmina.alpha import AlphaAlgorithm, AlphaMode
from kasmina.slot import SeedSlot
from kasmina.stages import SeedStage

MakeSlot = Callable[..., SeedSlot]
ALGORITHMS = pytest.mark.parametrize("algorithm", tuple(AlphaAlgorithm))


@pytest.fixture
def host() -> Tensor:
    return torch.randn(2, 3, 4, 4)


def assign(slot: SeedSlot) -> None:
    assert slot.state is not None
    slot.state.alpha = 0.9


def load(slot: SeedSlot) -> None:
    twin = copy.deepcopy(slot)
    twin.set_alpha(0.9)
    slot.load_state_dict(twin.state_dict())


def ramp(slot: SeedSlot) -> None:
    assert slot.state is not None
    controller = slot.state.alpha_controller
    controller.alpha_mode = AlphaMode.HOLD
    controller.retarget(alpha_target=0.9, alpha_steps_total=1)
    slot.tick()


WAYS = {"set_alpha": lambda slot: slot.set_alpha(0.9), "assign": assign, "load": load, "tick": ramp}


@pytest.mark.parametrize("way", WAYS)
@ALGORITHMS
def test_new_amplitude_is_used_at_once(
    make_slot: MakeSlot, host: Tensor, algorithm: AlphaAlgorithm, way: str
) -> None:
    slot = make_slot(algorithm, alpha=0.1)
    stale = slot(host)
    fresh = slot(host, alpha_override=torch.tensor(0.9))
    WAYS[way](slot)
    assert slot.alpha == 0.9
    assert torch.equal(slot(host), fresh)
    assert not torch.equal(fresh, stale)


@ALGORITHMS
def test_forced_amplitude_is_used_inside_the_block_only(
    make_slot: MakeSlot, host: Tensor, algorithm: AlphaAlgorithm
) -> None:
    slot = make_slot(algorithm, alpha=0.4)
    before = slot(host)
    with slot.force_alpha(0.0):
        assert torch.equal(slot(host), host)
    assert torch.equal(slot(host), before)


@ALGORITHMS
def test_copies_answer_alike(make_slot: MakeSlot, host: Tensor, algorithm: AlphaAlgorithm) -> None:
    slot = make_slot(algorithm)
    expected = slot(host)
    for twin in (copy.deepcopy(slot), pickle.loads(pickle.dumps(slot))):
        assert torch.equal(twin(host), expected)
        twin.set_alpha(0.9)
        assert slot.alpha == 0.4


@ALGORITHMS
def test_state_dict_brings_everything_back(
    make_slot: MakeSlot, host: Tensor, algorithm: AlphaAlgorithm
) -> None:
    slot = make_slot(algorithm, alpha=0.7, stage=SeedStage.HOLDING, isolate=True)
    file = io.BytesIO()
    torch.save(slot.state_dict(), file)
    file.seek(0)
    other = make_slot(algorithm, alpha=0.1)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert other.state == slot.state
    assert other.isolate_gradients is True
    assert torch.equal(other(host), slot(host))


def test_amplitude_assigned_beyond_its_range_is_stored_as_it_counts(
    make_slot: MakeSlot, host: Tensor
) -> None:
    slot, other = make_slot(), make_slot()
    with slot.force_alpha(1.5):
        other.load_state_dict(slot.state_dict())
        assert other.alpha == 1.0
        assert torch.equal(other(host), slot(host))


def test_assigned_amplitude_that_is_not_a_number_is_named(
    make_slot: MakeSlot, host: Tensor
) -> None:
    slot = make_slot()
    assert slot.state is not None
    slot.state.alpha = math.nan
    with pytest.raises(ValueError, match=r"state\.alpha must be a number, got NaN"):
        slot(host)


def test_state_of_an_empty_slot_loads(make_slot: MakeSlot) -> None:
    slot = SeedSlot("r0", 3)
    slot.load_state_dict(SeedSlot("r1", 3).state_dict())
    assert slot.state is None


def test_load_on_the_way_down_freezes_and_back_up_restores(make_slot: MakeSlot) -> None:
    slot = make_slot(alpha=0.8)
    saved = slot.state_dict()
    falling = copy.deepcopy(slot)
    assert falling.state is not None
    falling.state.alpha_controller.retarget(alpha_target=0.0, alpha_steps_total=3)
    slot.load_state_dict(falling.state_dict())
    assert not any(p.requires_grad for p in slot.get_parameters())
    slot.load_state_dict(saved)
    assert all(p.requires_grad for p in slot.get_parameters())


def test_amplitude_tensor_is_made_once(make_slot: MakeSlot, host: Tensor) -> None:
    slot, made = make_slot(), []
    cache = slot._alpha_cache
    for _ in range(2):
        slot(host)
        made.append(cache.get(slot.alpha, host))
    assert made[0] is made[1]
    assert not any("alpha" in key for key in slot.state_dict())
