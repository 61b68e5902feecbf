"""Bisections as workers see them: where one stands, each step, its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.bisection.run import Found
from app.domain.bisection.search import BisectionOutcome, Direction
from app.domain.runs import Verdict
from app.services.evidence import ground_of
from app.services.service import Service
from app.storage.bisections import KnownLooks, LooksKey, StoredStep
from app.storage.runs import ClaimedRun
from app.storage.unit import Stores

_FIELD = {Direction.INTRODUCED: "introduced_in", Direction.FIXED: "fixed_in"}


@dataclass(frozen=True)
class Begun:
    """What an earlier attempt of a bisection has left."""

    old: str | None
    telling: dict[str, str] | None
    steps: list[StoredStep]


class BisectingService(Service):
    """The worker's side; every write is conditional on the run's attempt."""

    async def begun(self, run: ClaimedRun) -> Begun:
        """Return where a bisection stands."""
        async with self._unit.read() as stores:
            old, telling = await stores.bisections.begun(run.id)
            return Begun(old, telling, await stores.bisections.steps(run.id))

    async def known(self, tests: str, environment: str) -> dict[str, KnownLooks]:
        """Return what other bisections have seen with these tests in this environment."""
        async with self._unit.read() as stores:
            return await stores.bisections.known(tests, environment)

    async def note(self, run: ClaimedRun, old: str | None, telling: Mapping[str, str]) -> bool:
        """Store what is known of the ends; False when this attempt no longer counts."""
        async with self._unit.begin() as stores:
            if not await stores.runs.hold(run.id, run.attempt):
                return False
            await stores.bisections.note(run.id, old=old, telling=telling)
            return True

    async def record(
        self,
        run: ClaimedRun,
        steps: Mapping[int, StoredStep],
        kept: Mapping[LooksKey, KnownLooks],
    ) -> bool:
        """Store steps by position, and keep what was seen for others."""
        async with self._unit.begin() as stores:
            for key, looks in kept.items():
                await stores.bisections.keep(key, looks)
            if not await stores.runs.hold(run.id, run.attempt):
                return False
            for position, step in steps.items():
                await stores.bisections.add_step(run.id, position, step)
            return True


async def store_bisected(
    stores: Stores,
    run: ClaimedRun,
    verdict: Verdict,
    found: Found | None,
    environment: Mapping[str, Any],
) -> float | None:
    """Store how a bisection ended, and let its ticket say what it found.

    Returns the seconds that it took; None when the attempt is over.
    """
    took = await stores.runs.mark_finished(
        run.id, run.attempt, verdict, arms=(), environment=environment, decided=None
    )
    if took is None or found is None or run.plan.bisection is None:
        return took
    await stores.bisections.end(run.id, found)
    says = found.outcome in (BisectionOutcome.EXACT, BisectionOutcome.INTERVALS)
    target = await stores.catalogue.target(run.plan.target)
    if says and found.last is not None and target is not None:
        now = (await ground_of(stores, run.ticket_id, run.ticket, target, ())).now.digests
        if now.links == run.plan.links_digest and run.plan.covers_all_links:
            field = _FIELD[run.plan.bisection.direction]
            await stores.bisections.show_on(run.ticket_id, field, found.last, run.plan.links_digest)
    return took
