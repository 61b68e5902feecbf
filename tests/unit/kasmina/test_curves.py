"""The curves: anchors, ends, monotony, and floats at their limits."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kasmina.alpha import AlphaCurve
from kasmina.alpha_controller import curve_progress, stable_sigmoid

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
CURVES = st.sampled_from(AlphaCurve)
STEEPNESS = st.floats(0.1, 10000.0)


@pytest.mark.parametrize(
    ("curve", "quarter", "half", "three_quarters"),
    [
        (AlphaCurve.LINEAR, 0.25, 0.5, 0.75),
        (AlphaCurve.COSINE, 0.146447, 0.5, 0.853553),
        (AlphaCurve.SIGMOID, 0.045177, 0.5, 0.954823),
    ],
)
def test_curves_pass_their_anchors(
    curve: AlphaCurve, quarter: float, half: float, three_quarters: float
) -> None:
    progress = [curve_progress(t, curve) for t in (0.25, 0.5, 0.75)]
    assert progress == pytest.approx([quarter, half, three_quarters], abs=1e-6)


@PROPERTY
@given(CURVES, STEEPNESS)
def test_curves_meet_both_ends_and_the_middle(curve: AlphaCurve, steepness: float) -> None:
    assert curve_progress(0.0, curve, steepness) == 0.0
    assert curve_progress(1.0, curve, steepness) == 1.0
    assert curve_progress(0.5, curve, steepness) == pytest.approx(0.5, abs=1e-9)


@PROPERTY
@given(CURVES, STEEPNESS, st.floats(0, 1), st.floats(0, 1))
def test_curves_rise_within_the_unit_interval(
    curve: AlphaCurve, steepness: float, one: float, other: float
) -> None:
    early, late = sorted((one, other))
    low, high = (curve_progress(t, curve, steepness) for t in (early, late))
    assert 0.0 <= low <= high <= 1.0


@PROPERTY
@given(CURVES, st.floats(allow_nan=False))
def test_share_outside_counts_as_the_nearer_end(curve: AlphaCurve, t: float) -> None:
    assert curve_progress(t, curve) == curve_progress(min(1.0, max(0.0, t)), curve)


def test_flatter_sigmoid_is_further_along_at_a_quarter() -> None:
    progress = [curve_progress(0.25, AlphaCurve.SIGMOID, k) for k in (0.1, 6.0, 12.0, 24.0)]
    assert progress == sorted(progress, reverse=True)
    assert len(set(progress)) == 4


def test_flat_sigmoid_tends_to_the_straight_line() -> None:
    assert curve_progress(0.3, AlphaCurve.SIGMOID, 0.1) == pytest.approx(0.299965, abs=1e-6)
    assert curve_progress(0.3, AlphaCurve.SIGMOID, 1e-17) == 0.3
    assert curve_progress(0.3, AlphaCurve.SIGMOID, 0.0) == 0.3


@pytest.mark.parametrize("steepness", [0.1, 12.0, 500.0])
def test_sign_of_the_steepness_does_not_matter(steepness: float) -> None:
    for t in (0.1, 0.3, 0.7):
        expected = curve_progress(t, AlphaCurve.SIGMOID, steepness)
        assert curve_progress(t, AlphaCurve.SIGMOID, -steepness) == pytest.approx(expected)


@pytest.mark.parametrize("curve", [AlphaCurve.LINEAR, AlphaCurve.COSINE])
def test_only_the_sigmoid_looks_at_steepness(curve: AlphaCurve) -> None:
    assert curve_progress(0.3, curve, 1.0) == curve_progress(0.3, curve, 500.0)


@PROPERTY
@given(st.floats(-5, 5))
def test_sigmoid_is_precise(value: float) -> None:
    # The logistic function by way of the hyperbolic tangent, which rounds differently.
    assert stable_sigmoid(value) == pytest.approx(0.5 * (1 + math.tanh(value / 2)), rel=1e-12)


@PROPERTY
@given(st.floats(allow_nan=False))
def test_sigmoid_accepts_every_number(value: float) -> None:
    assert 0.0 <= stable_sigmoid(value) <= 1.0


def test_sigmoid_far_out() -> None:
    assert stable_sigmoid(1000.0) == 1.0
    assert stable_sigmoid(-1000.0) == 0.0
    assert stable_sigmoid(0.0) == 0.5


def test_unknown_curve_is_named() -> None:
    with pytest.raises(ValueError, match=r"curve must be one of LINEAR.*got int 99"):
        curve_progress(0.5, 99)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, "0.5", True, [0.5]], ids=repr)
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="t must be a number"):
        curve_progress(value, AlphaCurve.LINEAR)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="value must be a number"):
        stable_sigmoid(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("steepness", [math.nan, math.inf])
def test_steepness_must_be_finite(steepness: float) -> None:
    with pytest.raises(ValueError, match="steepness"):
        curve_progress(0.5, AlphaCurve.SIGMOID, steepness)
