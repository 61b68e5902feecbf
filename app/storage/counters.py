"""Totals over all processes, and what else operators watch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import func, select, text

from app.domain.monitoring import (
    RUN_DURATIONS,
    RUN_SECONDS,
    RUNS_FINISHED,
    RUNS_OF_TARGETS,
    SWEEP_REOPENED,
    SWEEP_VERDICTS,
    SWEEPS_FINISHED,
    Labels,
    duration_bucket,
)
from app.domain.runs import RunKind, RunOutcome
from app.domain.sweeps import Sweep
from app.schema.operations import counters
from app.schema.runs import runs
from app.storage.prepared import Prepared
from app.storage.store import Store

_BETWEEN = "\t"

_ADD = Prepared(
    lambda: text("""
INSERT INTO counters AS old (name, labels, value)
SELECT * FROM unnest(CAST(:names AS text[]), CAST(:labels AS text[]), CAST(:amounts AS float8[]))
ON CONFLICT (name, labels) DO UPDATE SET value = old.value + excluded.value
""")
)


class CounterStore(Store):
    """Totals over all processes."""

    async def add(self, amounts: Mapping[tuple[str, Labels], float]) -> None:
        """Add to counters. Others wait for this transaction from here on, so do it last."""
        rows = [
            (name, _BETWEEN.join(labels), float(amount))
            # In one order, so that no two transactions wait for each other in a ring.
            for (name, labels), amount in sorted(amounts.items())
            if amount
        ]
        if not rows:
            return
        names, labels, values = map(list, zip(*rows, strict=True))
        await _ADD.run(self._connection, names=names, labels=labels, amounts=values)

    async def count_run(
        self, target: str | None, kind: RunKind, outcome: RunOutcome, seconds: float
    ) -> None:
        """Count a run that has just finished; without a target where its plan cannot be read."""
        await self.add(
            {
                (RUNS_FINISHED, (kind.value, outcome.value)): 1,
                (RUNS_OF_TARGETS, (target or "", outcome.value)): 1,
                (RUN_SECONDS, (kind.value,)): seconds,
                (RUN_DURATIONS, (kind.value, duration_bucket(seconds))): 1,
            }
        )

    async def count_sweep(self, sweep: Sweep) -> None:
        """Count a sweep that has just finished."""
        amounts: dict[tuple[str, Labels], float] = {
            (SWEEPS_FINISHED, (sweep.target,)): 1,
            (SWEEP_REOPENED, (sweep.target,)): sweep.reopened,
        }
        for verdict, number in sweep.counts.items():
            amounts[SWEEP_VERDICTS, (sweep.target, verdict)] = number
        await self.add(amounts)

    async def totals(self) -> dict[str, dict[Labels, float]]:
        """Return all counters by name and labels."""
        found: dict[str, dict[Labels, float]] = defaultdict(dict)
        for row in await self._connection.execute(select(counters)):
            found[row.name][tuple(row.labels.split(_BETWEEN))] = row.value
        return found

    async def queued_by_target(self) -> dict[str, int]:
        """Return how many runs of each target wait."""
        rows = await self._connection.execute(
            select(runs.c.target, func.count().label("number"))
            .where(runs.c.status == "queued")
            .group_by(runs.c.target)
        )
        return {row.target: row.number for row in rows}

    async def queue(self) -> tuple[int, int, float]:
        """Return how many runs wait, how many run, and how long the oldest waits in seconds."""
        rows = await self._connection.execute(
            select(
                runs.c.status,
                func.count().label("number"),
                func.extract("epoch", func.now() - func.min(runs.c.queued_at)).label("age"),
            )
            .where(runs.c.status.in_(("queued", "running")))
            .group_by(runs.c.status)
        )
        found = {row.status: row for row in rows}
        waiting, running = found.get("queued"), found.get("running")
        return (
            waiting.number if waiting else 0,
            running.number if running else 0,
            max(0.0, float(waiting.age)) if waiting else 0.0,
        )
