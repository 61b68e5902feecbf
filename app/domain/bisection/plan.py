"""What a run that bisects is to find."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.bisection.search import Direction

DEFAULT_BUDGET_S = 1800
MAX_BUDGET_S = 6 * 3600
MAX_RUNS = 2000
MAX_TESTS = 500
"""Each look keeps the names of those that did not pass."""


@dataclass(frozen=True)
class BisectionPlan:
    """What a run is to find, frozen when it was asked for."""

    direction: Direction
    new: str
    """The newer end."""
    old: str | None = None
    """The older end; None: to be looked for."""
    first_parent: bool = False
    """Follow the first parents only, as `main` went."""
    budget_s: int = DEFAULT_BUDGET_S
    budget_runs: int = MAX_RUNS
    flaky: bool = False
    """Whether the tests are known to flip."""
