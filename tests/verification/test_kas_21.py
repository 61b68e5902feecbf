"""KAS-21: clamping turned an amplitude that is not a number into full amplitude."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from kasmina.alpha_controller import AlphaController


@pytest.mark.finding("KAS-21")
def test_controller_refuses_nan_at_construction() -> None:
    """A controller cannot be made with an amplitude that is not a number."""
    for field in ("alpha", "alpha_start", "alpha_target"):
        with pytest.raises(ValueError, match="NaN"):
            AlphaController(**{field: math.nan})


@pytest.mark.finding("KAS-21")
def test_controller_refuses_nan_as_a_target() -> None:
    """A controller takes no target that is not a number."""
    with pytest.raises(ValueError, match="NaN"):
        AlphaController().retarget(alpha_target=math.nan, alpha_steps_total=4)


@pytest.mark.finding("KAS-21")
def test_slot_refuses_nan(blending_slot: Callable[..., Any]) -> None:
    """A slot takes no amplitude that is not a number."""
    slot = blending_slot(alpha=0.4)
    with pytest.raises(ValueError, match="NaN"):
        slot.set_alpha(math.nan)
    assert slot.alpha == 0.4
