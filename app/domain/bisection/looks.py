"""What several looks at one revision say, where tests flip: a sequential test of two rates.

A look is one run of the tests that tell. Where they never flip, one look decides. Where they do,
how often they fail is measured at both ends, and each revision is looked at until one of the two
rates is as unlikely as wished (A. Wald, "Sequential Tests of Statistical Hypotheses", 1945).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from app.domain.bisection.search import Seen
from app.domain.intervals import wilson

AT_ENDS = 8
"""So many looks at each end show whether the tests flip."""
AT_ENDS_IF_FLAKY = 40
AT_ONCE = 20
"""So many looks are asked for at a time where tests flip."""
MOST = 200
RISK = 0.02
"""How likely a whole search may go wrong for tests that flip."""


@dataclass(frozen=True)
class Looks:
    """How often the tests failed as they should, passed, and did neither."""

    fails: int = 0
    passes: int = 0
    others: int = 0

    @property
    def total(self) -> int:
        """All looks."""
        return self.fails + self.passes + self.others

    @property
    def flips(self) -> bool:
        """Whether they did not always say the same."""
        return self.fails > 0 and self.passes > 0

    def __add__(self, other: Looks) -> Looks:
        return Looks(
            self.fails + other.fails, self.passes + other.passes, self.others + other.others
        )


_MOST_UNSEEN = wilson(0, AT_ENDS_IF_FLAKY)[1]
"""So often something may happen that was never seen in the looks at an end."""


@dataclass(frozen=True)
class Rates:
    """How often a look fails, at the least where the defect is, at the most where it is not."""

    bad: float
    good: float

    @property
    def tell(self) -> bool:
        """Whether the two can be told apart at all."""
        return self.bad > self.good


def rates(bad: Looks, good: Looks, between: Collection[Looks] = ()) -> Rates | None:
    """Return what the ends show; None where nothing flips.

    What never failed at the good end is taken never to fail without the defect: the failure that is
    counted is the very one of the bad end. Where no end flips, but a revision between them does,
    the test flips on a stretch of the history, and the rarest failure seen there is what counts.

    Args:
        bad: looks at the end that has the defect.
        good: looks at the other one.
        between: those at each revision that flips.
    """
    if bad.flips or good.flips:
        high = wilson(good.fails, max(1, good.fails + good.passes))[1] if good.fails else 0.0
        return Rates(_least(bad), high)
    measured = [one for one in between if one.total >= AT_ENDS_IF_FLAKY] or list(between)
    return Rates(min(map(_least, measured)), 0.0) if measured else None


def _least(looks: Looks) -> float:
    """How often a test fails, at the least."""
    return wilson(looks.fails, max(1, looks.fails + looks.passes))[0]


def judge(looks: Looks, rates: Rates | None, risk: float) -> tuple[Seen | None, float]:
    """Return what a revision is like, and how likely that is wrong; None: look again.

    Args:
        looks: all looks at it.
        rates: see `rates`; None where tests do not flip, so that one look decides.
        risk: how likely a mistake may be.
    """
    if rates is None:
        if looks.fails or looks.passes:
            return (Seen.BAD if looks.fails else Seen.GOOD), 0.0
        return (Seen.SKIP if looks.others else None), 0.0
    if rates.good == 0 and looks.fails:
        # At the good end it never failed, which cannot be told from failing seldom there.
        is_often = _log_ratio(looks, Rates(rates.bad, _MOST_UNSEEN)) < 0
        if is_often and looks.total >= AT_ONCE:
            return Seen.BAD, 0.0
        return (Seen.SKIP if looks.total >= MOST else None), 0.0
    told = _log_ratio(looks, rates)
    wrong = 1 / (1 + math.exp(min(abs(told), 700.0)))
    if wrong <= risk:
        return (Seen.GOOD if told > 0 else Seen.BAD), wrong
    useless = looks.others >= AT_ENDS and looks.others == looks.total
    return (Seen.SKIP if looks.total >= MOST or useless else None), 0.0


def _log_ratio(looks: Looks, rates: Rates) -> float:
    """How much likelier looks are where the defect is not, as a logarithm."""
    told = looks.passes * math.log((1 - rates.good) / max(1 - rates.bad, 1e-9))
    if looks.fails:
        told -= looks.fails * math.log(rates.bad / rates.good)
    return told
