"""B2-DRL-13: an amplitude must arrive exactly, and say so once."""

import pytest

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
