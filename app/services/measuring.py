"""Runs that measure strength as workers see them: mutants are planned, each ends, the run ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.domain.runs import ArmResult, RunOutcome, Verdict
from app.domain.strength import Mutant, MutantResult
from app.services.evidence import ground_of
from app.services.service import Service
from app.storage.mutants import KeptUnder
from app.storage.runs import ClaimedRun
from app.storage.unit import Stores


class MeasuringService(Service):
    """The worker's side of mutants; every write is conditional on the run's attempt."""

    async def planned(self, run: ClaimedRun) -> list[Mutant]:
        """Return the mutants of a run, which an earlier attempt may have planned and begun."""
        async with self._unit.read() as stores:
            return [mutant for _, mutant in await stores.mutants.of_run(run.id)]

    async def plan(self, run: ClaimedRun, mutants: Sequence[Mutant]) -> bool:
        """Store which mutants a run has; False when this attempt no longer counts."""
        async with self._unit.begin() as stores:
            if not await stores.runs.hold(run.id, run.attempt):
                return False
            await stores.mutants.add(run.id, mutants)
            return True

    async def known(self, keys: Iterable[KeptUnder]) -> dict[KeptUnder, MutantResult]:
        """Return results that earlier runs have kept."""
        async with self._unit.read() as stores:
            return await stores.mutants.known(keys)

    async def ended(
        self,
        run: ClaimedRun,
        mutants: Mapping[int, Mutant],
        results: Mapping[KeptUnder, MutantResult],
    ) -> bool:
        """Store how mutants ended, by position, and keep what others may use."""
        async with self._unit.begin() as stores:
            await stores.mutants.keep(results)
            if not await stores.runs.hold(run.id, run.attempt):
                return False
            await stores.mutants.save(run.id, mutants)
            return True


async def store_measured(
    stores: Stores,
    run: ClaimedRun,
    verdict: Verdict,
    arms: Sequence[ArmResult],
    environment: Mapping[str, Any],
) -> float | None:
    """Store how a run ended that measures strength, and show it on its ticket.

    It touches no evidence. Returns the seconds that it took; None when the attempt is over.
    """
    took = await stores.runs.mark_finished(
        run.id, run.attempt, verdict, arms=arms, environment=environment, decided=None
    )
    if took is None or verdict.outcome is not RunOutcome.MEASURED:
        return took
    plan = run.plan
    await stores.mutants.show_on(
        run.ticket_id,
        run.id,
        await stores.mutants.strength_of(run.id),
        package=plan.package_digest,
        links=plan.links_digest,
        fix=None if plan.strength is None else plan.strength.fix,
    )
    target = await stores.catalogue.target(plan.target)
    if target is not None:
        now = (await ground_of(stores, run.ticket_id, run.ticket, target, ())).now.digests
        await stores.mutants.mark_stale(run.ticket_id, now.package, now.links)
    return took
