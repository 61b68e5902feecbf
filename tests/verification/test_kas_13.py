"""KAS-13: a steep sigmoid overflowed the exponential function."""

import pytest

from kasmina.alpha import AlphaCurve
from kasmina.alpha_controller import curve_progress


@pytest.mark.finding("KAS-13")
def test_steep_sigmoid_meets_both_ends() -> None:
    """The sigmoid curve runs from 0 to 1 for any steepness, without overflowing."""
    for steepness in (2000.0, 10000.0):
        assert curve_progress(0.0, AlphaCurve.SIGMOID, steepness) == 0.0
        assert curve_progress(1.0, AlphaCurve.SIGMOID, steepness) == 1.0
