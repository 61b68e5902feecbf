"""B2-DRL-13: an amplitude must arrive exactly, and say so once."""

import pytest

from kasmina.alpha import AlphaCurve
from kasmina.alpha_controller import AlphaController


@pytest.mark.finding("B2-DRL-13")
def test_schedule_ends_on_its_target_and_reports_it_once() -> None:
    """After n steps the amplitude equals its target exactly, and only the n-th step says so."""
    for steps in (3, 7, 10, 25):
        controller = AlphaController()
        controller.retarget(alpha_target=0.7, alpha_steps_total=steps)
        reports = [controller.step() for _ in range(steps + 1)]
        assert reports == [False] * (steps - 1) + [True, False]
        assert controller.alpha == 0.7


@pytest.mark.finding("B2-DRL-13")
def test_each_step_goes_its_share_of_the_way() -> None:
    """Between start and target the amplitude is where its curve says, after each single step."""
    at_quarters = {
        AlphaCurve.LINEAR: (0.25, 0.5, 0.75),
        AlphaCurve.COSINE: (0.146447, 0.5, 0.853553),
        AlphaCurve.SIGMOID: (0.045177, 0.5, 0.954823),
    }
    for curve, shares in at_quarters.items():
        for start, target in ((0.2, 0.8), (0.9, 0.1)):
            controller = AlphaController(alpha=start)
            controller.retarget(alpha_target=target, alpha_steps_total=4, alpha_curve=curve)
            on_the_way = []
            for _ in shares:
                controller.step()
                on_the_way.append(controller.alpha)
            expected = [start + (target - start) * share for share in shares]
            assert on_the_way == pytest.approx(expected, abs=1e-5)
