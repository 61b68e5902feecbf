"""What is counted and read off for operators."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.workers import WorkerState

Labels = tuple[str, ...]
"""Values of a counter's labels, in their order."""

RUNS_FINISHED = "runs_finished"
"""By kind and outcome."""
RUN_SECONDS = "run_seconds"
"""By kind: how long runs took, in all."""
RUN_DURATIONS = "run_durations"
"""By kind and upper bound: runs that took up to so long and longer than the bound before."""
ZYGOTE_STARTS = "zygote_starts"
"""How often workers started the process that tests are forked from."""
RUNS_OF_TARGETS = "target_runs_finished"
"""By target and outcome."""
SWEEPS_FINISHED = "sweeps_finished"
"""By target."""
SWEEP_VERDICTS = "sweep_verdicts"
"""By target and verdict: tickets that sweeps spoke of."""
SWEEP_REOPENED = "sweep_reopened"
"""By target: tickets that sweeps opened again."""
SWEPT = "swept"
"""By kind of thing: what housekeeping removed."""

DURATION_BOUNDS_S = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets of run durations; what took longer falls into ``+Inf``."""


def duration_bucket(seconds: float) -> str:
    """Return the upper bound of the bucket that a duration falls into."""
    place = bisect_left(DURATION_BOUNDS_S, seconds)
    return str(DURATION_BOUNDS_S[place]) if place < len(DURATION_BOUNDS_S) else "+Inf"


@dataclass(frozen=True)
class TargetReading:
    """A target at one moment."""

    runnable: bool
    """Its suite was collected whole, and a worker that lives can run it."""
    tests: int
    tickets: int
    queued: int
    """Runs of it that wait."""


@dataclass(frozen=True)
class Readings:
    """The state of the installation at one moment."""

    queued: int = 0
    """Runs that wait."""
    running: int = 0
    """Runs that are being executed."""
    oldest_queued_s: float = 0.0
    """For how long the first of those that wait has waited, in seconds."""
    workers: Sequence[WorkerState] = ()
    """Workers heard of lately."""
    counters: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    """Totals by name and labels."""
    targets: Mapping[str, TargetReading] = field(default_factory=dict)
    not_covered: int = 0
    """Tickets that no target covers."""
