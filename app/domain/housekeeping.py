"""What is removed after its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Retention:
    """How long things are kept that have a setting; others carry their end with them."""

    run_events: timedelta
    """After the end of the run that they belong to; its results stay."""
    run_output: timedelta
    """What tests printed, after the end of their run; how they ended stays.

    So long are kept, too, diffs of mutants that were caught, and sweeps that later ones outdate.
    """


@dataclass(frozen=True)
class TalliesKept:
    """How long is kept how tests have ended, after it was seen last."""

    shipped: timedelta = timedelta(days=400)
    """On packages that shipped: what passed on one may regress on the next."""
    patched: timedelta = timedelta(days=60)
    """On patched ones."""
    known: timedelta = timedelta(days=7)
    """Which files of a suite pass."""
    mutants: timedelta = timedelta(days=60)
    """How mutants have ended; those of runs stay."""
    looks: timedelta = timedelta(days=180)
    """What bisections saw of revisions; the steps of each stay with it."""


TALLIES_KEPT = TalliesKept()
