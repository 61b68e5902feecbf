"""KAS-16: a schedule under way must not be replaced unnoticed."""

import pytest

from kasmina.alpha_controller import AlphaController


@pytest.mark.finding("KAS-16")
def test_retarget_is_refused_under_way() -> None:
    """A controller takes a new target only while it holds still."""
    controller = AlphaController()
    controller.retarget(alpha_target=1.0, alpha_steps_total=4)
    controller.step()
    with pytest.raises(ValueError, match="only allowed from HOLD"):
        controller.retarget(alpha_target=0.0, alpha_steps_total=4)
