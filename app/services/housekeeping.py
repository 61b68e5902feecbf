"""Housekeeping: expired data is removed in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.domain.housekeeping import TALLIES_KEPT, Retention
from app.domain.monitoring import SWEPT
from app.storage.unit import Stores, UnitOfWork

_MOST_BATCHES = 500
"""Of one kind in one go; the rest waits for the next time."""

ARMS_AT_ONCE = 100
"""Each may hold megabytes."""

SWEEPS_AT_ONCE = 10
"""Each may speak of thousands of tickets."""

RUN_EVENTS = "run events"
RUN_OUTPUTS = "outputs of runs"
MUTANT_DIFFS = "diffs of mutants"
SWEEPS = "sweeps"
IDEMPOTENCY_KEYS = "idempotency keys"
LEASES = "leases"
SESSIONS = "sessions"
LOGIN_CODES = "login codes"
TALLIES = "tallies of tests"
SUITE_RESULTS = "results of suites"
MUTANT_RESULTS = "results of mutants"
REVISION_LOOKS = "looks at revisions"


class HousekeepingService:
    """Removes expired data. Doing it twice, or in two processes at once, is no harm."""

    def __init__(self, unit: UnitOfWork, retention: Retention) -> None:
        self._unit = unit
        self._retention = retention

    async def sweep(self) -> dict[str, int]:
        """Remove expired data from the database; return how much of what.

        Each batch is a transaction of its own, so a sweep that is interrupted has done what it
        did. Nothing is removed while another process sweeps.
        """
        kept_for, kept, printed = (
            self._retention.run_events,
            TALLIES_KEPT,
            self._retention.run_output,
        )
        kinds: dict[str, Callable[[Stores], Awaitable[int]]] = {
            RUN_EVENTS: lambda stores: stores.housekeeping.remove_run_events(kept_for),
            RUN_OUTPUTS: lambda stores: stores.run_results.remove_outputs(printed, ARMS_AT_ONCE),
            MUTANT_DIFFS: lambda stores: stores.housekeeping.remove_mutant_diffs(printed),
            SWEEPS: lambda stores: stores.housekeeping.remove_sweeps(printed, SWEEPS_AT_ONCE),
            IDEMPOTENCY_KEYS: lambda stores: stores.idempotency.sweep(),
            LEASES: lambda stores: stores.housekeeping.remove_leases(),
            SESSIONS: lambda stores: stores.housekeeping.remove_sessions(),
            LOGIN_CODES: lambda stores: stores.housekeeping.remove_login_codes(),
            TALLIES: lambda stores: stores.housekeeping.remove_tallies(kept.shipped, kept.patched),
            SUITE_RESULTS: lambda stores: stores.housekeeping.remove_suite_results(kept.known),
            MUTANT_RESULTS: lambda stores: stores.housekeeping.remove_mutant_results(kept.mutants),
            REVISION_LOOKS: lambda stores: stores.housekeeping.remove_revision_looks(kept.looks),
        }
        return {kind: await self._all(kind, remove) for kind, remove in kinds.items()}

    async def _all(self, kind: str, remove: Callable[[Stores], Awaitable[int]]) -> int:
        removed = 0
        for _ in range(_MOST_BATCHES):
            async with self._unit.begin() as stores:
                if not await stores.housekeeping.take_lock():
                    return removed
                some = await remove(stores)
                await stores.counters.add({(SWEPT, (kind,)): some})
            removed += some
            if not some:
                break
        return removed
