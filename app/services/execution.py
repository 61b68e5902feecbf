"""Runs as workers see them: claim, record what is seen, finish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.domain import evidence, outcomes
from app.domain.arms import proof_by
from app.domain.evidence import Digests, FinishedRun
from app.domain.runs import ArmResult, RunOutcome, RunStatus, Verdict
from app.services.access import lock_ticket
from app.services.evidence import digests_in_force, reassess
from app.storage.runs import ClaimedRun
from app.storage.unit import Stores, UnitOfWork

GIVEN_BACK_FOR_S = 2.0
"""How long a run rests before another worker may take it."""

MAX_ATTEMPTS = 3
"""So often a run is taken up before its loss counts as its outcome."""


@dataclass(frozen=True)
class Assignment:
    """A claimed run with the texts of the patches and submitted tests that it needs."""

    run: ClaimedRun
    patches: Mapping[str, str]
    """Texts by digest."""
    submitted: Mapping[str, str]
    """Sources by path below the suite."""

    @property
    def force(self) -> bool:
        """Run even where earlier results could be reused."""
        return self.run.force


class ExecutionService:
    """The worker's side of runs."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit

    async def claim(self, run_id: UUID, worker: str) -> Assignment | None:
        """Take up a run; None when it needs no execution any more.

        The fourth attempt is not made: three workers were lost over this run, so it ends as
        ``error`` instead of taking a fourth one down.
        """
        async with self._unit.begin() as stores:
            owner = await stores.runs.ticket_of(run_id)
            if owner is None:
                return None
            await lock_ticket(stores, owner[1])
            run = await stores.runs.claim(run_id, worker)
            if run is None:
                return None
            if run.attempt > MAX_ATTEMPTS:
                lost = Verdict(
                    RunOutcome.ERROR,
                    f"The worker was lost {MAX_ATTEMPTS} times while it executed this run.",
                )
                await self._store(stores, run, owner[1], lost, (), {})
                return None
            status = {"status": RunStatus.RUNNING.value, "worker": worker}
            await stores.run_events.add(run_id, run.attempt, "status", status)
            await stores.jobs.ring(run_id)
            digests = [arm.patch.digest for arm in run.plan.arms if arm.patch is not None]
            digests += [file.digest for file in run.plan.submitted]
            texts = await stores.patches.texts_of(digests)
            return Assignment(
                run=run,
                patches=texts,
                submitted={file.path: texts[file.digest] for file in run.plan.submitted},
            )

    async def is_current(self, run: ClaimedRun) -> bool:
        """Tell whether this attempt is still wanted: not cancelled, not taken up by another."""
        async with self._unit.read() as stores:
            return await stores.runs.is_current(run.id, run.attempt)

    async def record(
        self, run: ClaimedRun, events: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> None:
        """Record what was seen while the run goes on."""
        async with self._unit.begin() as stores:
            await stores.run_events.add_many(run.id, run.attempt, events)
            await stores.jobs.ring(run.id)

    async def give_back(self, run: ClaimedRun, reason: str) -> None:
        """Put a run back that this worker cannot take; `reason` is shown while it waits."""
        async with self._unit.begin() as stores:
            if await stores.runs.mark_given_back(run, reason):
                waiting = {"status": RunStatus.QUEUED.value, "reason": reason}
                await stores.run_events.add(run.id, run.attempt, "status", waiting)
                await stores.jobs.defer_run(run.id, delay_s=GIVEN_BACK_FOR_S)
                await stores.jobs.ring(run.id)

    async def reuse(self, run: ClaimedRun, environment: Mapping[str, Any]) -> bool:
        """Finish a run with the results of an earlier one that asked the same; False: none did."""
        async with self._unit.read() as stores:
            earlier = await stores.runs.find_reusable(run, environment)
        if earlier is None:
            return False
        await self.record(run, _as_events(earlier.arms))
        verdict = outcomes.decide(run.kind, run.plan, earlier.arms)
        return await self._end(
            run, verdict, earlier.arms, earlier.environment, reused_from=earlier.id
        )

    async def finish(
        self, run: ClaimedRun, arms: Sequence[ArmResult], environment: Mapping[str, Any]
    ) -> bool:
        """Decide and store how a run ended; False when this attempt no longer counts."""
        verdict = outcomes.decide(run.kind, run.plan, arms)
        return await self._end(run, verdict, arms, environment)

    async def fail(self, run: ClaimedRun, reason: str, environment: Mapping[str, Any]) -> bool:
        """Store that the machinery failed; False when this attempt no longer counts."""
        return await self._end(run, Verdict(RunOutcome.ERROR, reason), (), environment)

    async def _end(
        self,
        run: ClaimedRun,
        verdict: Verdict,
        arms: Sequence[ArmResult],
        environment: Mapping[str, Any],
        *,
        reused_from: UUID | None = None,
    ) -> bool:
        async with self._unit.begin() as stores:
            owner = await stores.runs.ticket_of(run.id)
            assert owner is not None
            await lock_ticket(stores, owner[1])
            if reused_from is not None:
                await stores.runs.mark_reused(run.id, reused_from)
            return await self._store(stores, run, owner[1], verdict, arms, environment)

    async def _store(
        self,
        stores: Stores,
        run: ClaimedRun,
        key: str,
        verdict: Verdict,
        arms: Sequence[ArmResult],
        environment: Mapping[str, Any],
    ) -> bool:
        decision = await self._decision(stores, run, key, verdict)
        current = await stores.runs.mark_finished(
            run.id,
            run.attempt,
            verdict,
            arms=arms,
            environment=environment,
            decided=None if decision is None else decision.state,
        )
        if not current:
            return False
        await self._update_evidence(stores, run, key, verdict, decision)
        await stores.catalogue.mark_outcomes(run.plan.target, _bundled_outcomes(arms))
        await stores.catalogue.mark_flakes(run.plan.target, outcomes.flips(arms))
        end = {
            "status": RunStatus.FINISHED.value,
            "outcome": verdict.outcome.value,
            "reason": verdict.reason,
        }
        await stores.run_events.add(run.id, run.attempt, "end", end)
        await stores.audit.record(
            None,
            "run.finished",
            ticket_id=run.ticket_id,
            changes={"run": [None, str(run.id)], "outcome": [None, verdict.outcome.value]},
        )
        await stores.jobs.ring(run.id)
        await stores.counters.count_run(run.id)
        return True

    async def _decision(
        self, stores: Stores, run: ClaimedRun, key: str, verdict: Verdict
    ) -> evidence.Decision | None:
        target = await stores.catalogue.target(run.plan.target)
        if target is None:
            return None
        now, _ = await digests_in_force(stores, run.ticket_id, key, target)
        previous, _ = await stores.ticket_edits.decision_of(run.ticket_id)
        plan = run.plan
        finished = FinishedRun(
            id=run.id,
            kind=run.kind,
            outcome=verdict.outcome,
            digests=Digests(plan.package_digest, plan.links_digest, plan.patches_digest),
            covers_all_links=plan.covers_all_links,
            after_is_bundled=plan.arms[-1].patch is None,
            by=proof_by(plan.arms),
            finished_at=datetime.now(UTC),
        )
        past = await stores.runs.past_of(run.ticket_id)
        return evidence.decide(finished, now=now, previous=previous, past=past)

    async def _update_evidence(
        self,
        stores: Stores,
        run: ClaimedRun,
        key: str,
        verdict: Verdict,
        decision: evidence.Decision | None,
    ) -> None:
        attempt = None
        if decision is None:
            attempt = {
                "run": str(run.id),
                "kind": run.kind.value,
                "outcome": verdict.outcome.value,
                "reason": verdict.reason,
                "at": datetime.now(UTC).isoformat(),
            }
        else:
            await stores.ticket_edits.save_decision(run.ticket_id, decision)
        await stores.ticket_edits.save_last_attempt(run.ticket_id, attempt)
        if decision is None:
            return
        before = await stores.ticket_edits.evidence_of(run.ticket_id)
        await reassess(stores, run.ticket_id, key, run.plan.target)
        after = await stores.ticket_edits.evidence_of(run.ticket_id)
        if before != after:
            await stores.audit.record(
                None,
                "evidence.changed",
                ticket_id=run.ticket_id,
                changes={"evidence": [before, after]},
            )


def _bundled_outcomes(arms: Sequence[ArmResult]) -> dict[str, str]:
    """Return how tests ended on the package as it ships, the last repeat counting."""
    return {
        result.node_id: result.outcome.value
        for arm in arms
        if arm.patch is None
        for result in arm.results
    }


def _as_events(arms: Sequence[ArmResult]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return results as the events that a watcher of the run would have seen."""
    return [
        ("test", {"arm": arm.name, "reused": True, **asdict(result)})
        for arm in arms
        for result in arm.results
    ]
