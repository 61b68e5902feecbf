"""Intervals of shares."""

from __future__ import annotations

import math

_Z = 1.959963984540054
"""Of the normal distribution, for an interval of 95 %."""


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the Wilson score interval at 95 % for a share of `hits` in `n` > 0.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    share, square = hits / n, _Z * _Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    spread = _Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return max(0.0, middle - spread), min(1.0, middle + spread)
