"""Curves that carry an amplitude from 0 to 1, in plain floats."""

import math

from kasmina._values import require_member, require_real_number
from kasmina.alpha import AlphaCurve


def stable_sigmoid(value: float) -> float:
    """The logistic function 1/(1 + e^(−v)) for any real v, infinities included.

    ``exp`` only ever sees a number that is not positive, so it cannot overflow; the two branches
    are the same function, multiplied through by e^v on the negative side.
    """
    number = require_real_number("value", value)
    if number >= 0.0:
        return 1.0 / (1.0 + math.exp(-number))
    exponential = math.exp(number)
    return exponential / (1.0 + exponential)


def curve_progress(t: float, curve: AlphaCurve, steepness: float = 12.0) -> float:
    """How far along an amplitude is after the share `t` of its steps; `t` is clamped to [0, 1].

    =======  ======================================================================
    LINEAR   t
    COSINE   (1 − cos πt)/2, half a period of the cosine
    SIGMOID  (σ(k(t − ½)) − σ(−k/2)) / (σ(k/2) − σ(−k/2)) with k = `steepness`:
             the logistic function between ±k/2, stretched so that 0 and 1 are met
    =======  ======================================================================

    Monotone in `t` with 0 → 0, ½ → ½ and 1 → 1. Only SIGMOID looks at `steepness`; k → 0 tends to
    LINEAR, and does so exactly where floats no longer tell the two ends of the stretch apart.

    Raises TypeError for what is no number, ValueError for NaN, an infinite steepness or an unknown
    curve.
    """
    share = min(1.0, max(0.0, require_real_number("t", t)))
    match require_member("curve", AlphaCurve, curve):
        case AlphaCurve.LINEAR:
            return share
        case AlphaCurve.COSINE:
            return 0.5 * (1.0 - math.cos(math.pi * share))
        case AlphaCurve.SIGMOID:
            return _sigmoid_progress(share, as_steepness("steepness", steepness))


_FLAT = 1e-8
"""Below this span the differences of the sigmoid drown in rounding, while the curve is linear to
far better than that (its deviation is of the order of the steepness squared)."""


def _sigmoid_progress(share: float, steepness: float) -> float:
    low = stable_sigmoid(-0.5 * steepness)
    span = stable_sigmoid(0.5 * steepness) - low
    # A negative steepness turns both differences round, and their quotient is the same.
    if abs(span) < _FLAT:
        return share
    progress = (stable_sigmoid(steepness * (share - 0.5)) - low) / span
    return min(1.0, max(0.0, progress))


def as_steepness(name: str, value: object) -> float:
    """`value` as a finite float; the curve is the same for both signs."""
    steepness = require_real_number(name, value)
    if math.isinf(steepness):
        raise ValueError(f"{name} must be finite, got {steepness}")
    return steepness
