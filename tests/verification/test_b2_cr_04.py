"""B2-CR-04 and B2-DRL-06: a damaged checkpoint of the controller must not load with defaults."""

import pytest

from kasmina.alpha import AlphaCurve, AlphaMode
from kasmina.alpha_controller import AlphaController


@pytest.mark.finding("B2-CR-04")
@pytest.mark.finding("B2-DRL-06")
def test_from_dict_names_the_missing_field() -> None:
    """Each of the controller's eight fields is required when it is restored."""
    complete = AlphaController().to_dict()
    assert len(complete) == 8
    for key in complete:
        damaged = {name: value for name, value in complete.items() if name != key}
        with pytest.raises(KeyError, match=f"missing.*{key}"):
            AlphaController.from_dict(damaged)


@pytest.mark.finding("B2-CR-04")
@pytest.mark.finding("B2-DRL-06")
def test_what_is_restored_is_what_was_saved() -> None:
    """A controller restored under way has every field as saved, and goes on as the other does."""
    controller = AlphaController(alpha=0.9, alpha_curve=AlphaCurve.SIGMOID, alpha_steepness=5.0)
    controller.retarget(alpha_target=0.1, alpha_steps_total=5)
    controller.step()
    controller.step()
    saved = controller.to_dict()
    assert saved == {
        "alpha": controller.alpha,
        "alpha_start": 0.9,
        "alpha_target": 0.1,
        "alpha_mode": 2,
        "alpha_curve": 3,
        "alpha_steepness": 5.0,
        "alpha_steps_total": 5,
        "alpha_steps_done": 2,
    }
    assert {type(value) for value in saved.values()} == {int, float}
    restored = AlphaController.from_dict(saved)
    assert restored == controller
    assert isinstance(restored.alpha_mode, AlphaMode)
    assert isinstance(restored.alpha_curve, AlphaCurve)
    for _ in range(4):
        assert (restored.step(), restored.alpha) == (controller.step(), controller.alpha)
    for damaged in ({"alpha_mode": 9}, {"alpha_curve": 0}):
        with pytest.raises(ValueError, match="must be one of"):
            AlphaController.from_dict(saved | damaged)


@pytest.mark.finding("B2-CR-04")
@pytest.mark.finding("B2-DRL-06")
def test_construction_brings_fields_into_their_ranges() -> None:
    """A controller out of nothing holds still at 0; what is out of range is brought into it."""
    assert AlphaController().to_dict() == {
        "alpha": 0.0,
        "alpha_start": 0.0,
        "alpha_target": 0.0,
        "alpha_mode": 0,
        "alpha_curve": 1,
        "alpha_steepness": 12.0,
        "alpha_steps_total": 0,
        "alpha_steps_done": 0,
    }
    made = AlphaController(-1.0, 2.0, 3.0, 1, 2, 0.0, 3.7, 9)
    assert made.to_dict() == {
        "alpha": 0.0,
        "alpha_start": 1.0,
        "alpha_target": 1.0,
        "alpha_mode": 1,
        "alpha_curve": 2,
        "alpha_steepness": 0.1,
        "alpha_steps_total": 3,
        "alpha_steps_done": 3,
    }
    assert AlphaController(alpha_steps_total=-2, alpha_steps_done=-1).alpha_steps_done == 0
