"""KAS-16: a schedule under way must not be replaced unnoticed."""

import pytest

from kasmina.alpha import AlphaCurve, AlphaMode
from kasmina.alpha_controller import AlphaController


@pytest.mark.finding("KAS-16")
def test_retarget_is_refused_under_way() -> None:
    """A controller takes a new target only while it holds still."""
    controller = AlphaController()
    controller.retarget(alpha_target=1.0, alpha_steps_total=4)
    controller.step()
    with pytest.raises(ValueError, match="only allowed from HOLD"):
        controller.retarget(alpha_target=0.0, alpha_steps_total=4)


@pytest.mark.finding("KAS-16")
def test_retarget_takes_over_all_that_it_is_given() -> None:
    """A new schedule starts where the amplitude is, with the curve and steepness that are named."""
    controller = AlphaController(alpha=0.6, alpha_curve=AlphaCurve.COSINE, alpha_steepness=3.0)
    controller.retarget(alpha_target=0.2, alpha_steps_total=4)
    kept = (controller.alpha_start, controller.alpha_target, controller.alpha_steps_total)
    assert kept == (0.6, 0.2, 4)
    assert (controller.alpha_curve, controller.alpha_steepness) == (AlphaCurve.COSINE, 3.0)
    assert (controller.alpha_mode, controller.alpha_steps_done) == (AlphaMode.DOWN, 0)
    assert [controller.step() for _ in range(4)] == [False, False, False, True]
    controller.retarget(
        alpha_target=0.9,
        alpha_steps_total=2,
        alpha_curve=AlphaCurve.SIGMOID,
        alpha_steepness=0.01,
    )
    assert (controller.alpha_curve, controller.alpha_steepness) == (AlphaCurve.SIGMOID, 0.1)
    assert (controller.alpha_mode, controller.alpha_steps_done) == (AlphaMode.UP, 0)
    assert [controller.step(), controller.step()] == [False, True]
    controller.retarget(alpha_target=0.9, alpha_steps_total=2)
    assert controller.alpha_mode is AlphaMode.HOLD
    controller.retarget(alpha_target=0.3, alpha_steps_total=0)
    assert (controller.alpha, controller.alpha_mode) == (0.3, AlphaMode.HOLD)
