"""B2-DRL-07: the guard against a zero denominator was said to be dead code. Refuted."""

import pytest

from kasmina.alpha import AlphaCurve
from kasmina.alpha_controller import curve_progress


@pytest.mark.finding("B2-DRL-07")
def test_vanishing_steepness_is_a_straight_line() -> None:
    """A sigmoid too flat for its ends to differ is the straight line, not a division by 0."""
    for t in (0.0, 0.3, 1.0):
        assert curve_progress(t, AlphaCurve.SIGMOID, 1e-17) == t
