"""How a run ended: what is stored of it, and what it says of its ticket, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.domain import evidence, outcomes
from app.domain.arms import judged_last, proof_by, ships
from app.domain.bisection.run import Found
from app.domain.catalogue import TargetState
from app.domain.environment import environment_digest
from app.domain.evidence import Decision, Digests, FinishedRun, Shown
from app.domain.flakes import Tally
from app.domain.minimise import Minimised
from app.domain.others import whole_files
from app.domain.readings import failing
from app.domain.runs import (
    EXPLORING,
    ArmResult,
    RunKind,
    RunOutcome,
    RunPlan,
    RunStatus,
    Verdict,
)
from app.services.bisecting import store_bisected
from app.services.evidence import ground_of, reassess_for, shown_now, uses_digest
from app.services.measuring import store_measured
from app.services.tallying import (
    seen,
    used_test_files,
)
from app.storage.runs import ClaimedRun, UnreadablePlan
from app.storage.suite_results import SuiteKey
from app.storage.tallies import TallyKey
from app.storage.tickets.edits import EvidenceRow
from app.storage.unit import Stores

MAX_ATTEMPTS = 3
"""So often a run is taken up before its loss counts as its outcome."""

Events = Sequence[tuple[str, Mapping[str, Any]]]
"""What was seen of a run: kinds and data."""


@dataclass(frozen=True)
class Explored:
    """How a run ended that decides no evidence: it measured, bisected or reduced something."""

    verdict: Verdict
    arms: tuple[ArmResult, ...] = ()
    found: Found | None = None
    """What a bisection found."""
    minimised: Minimised | None = None
    """What is left of a patch."""


async def conclude(
    stores: Stores,
    run: ClaimedRun,
    verdict: Verdict,
    arms: Sequence[ArmResult],
    environment: Mapping[str, Any],
) -> set[str]:
    """Store how a run ended, in the caller's transaction, which holds its ticket.

    Returns:
        Keys of tickets whose evidence has to be looked at in transactions of their own.
    """
    others: set[str] = set()
    await store_end(stores, run, verdict, arms, environment, events=as_events(arms), others=others)
    return others


async def store_end(
    stores: Stores,
    run: ClaimedRun,
    verdict: Verdict,
    arms: Sequence[ArmResult],
    environment: Mapping[str, Any],
    *,
    events: Events = (),
    reused_from: UUID | None = None,
    others: set[str] | None = None,
    explored: Explored | None = None,
) -> bool:
    """Store an end, whatever hangs on it, and what it says of the ticket.

    Into `others` go the keys of tickets whose evidence has to be looked at afterwards.
    """
    row = await stores.ticket_edits.hold(run.ticket_id)
    if row is None:
        return False  # the ticket was deleted, and the run with it
    if run.kind in EXPLORING:
        took = await _store_explored(stores, run, verdict, arms, environment, explored)
        if took is not None:
            await _record_end(stores, run, verdict, events)
            await stores.counters.count_run(run.plan.target, run.kind, verdict.outcome, took)
        return took is not None
    target = await stores.catalogue.target(run.plan.target)
    decision, shown = None, row.shown
    flipped: set[str] = set()
    if target is not None:
        if reused_from is None:
            flipped = await _count(stores, run, arms, environment, target)
        # The worker that ran it lives, whatever is known of the others.
        living = {environment_digest(environment), *target.environments}
        target = replace(target, environments=tuple(living))
        # One that was placed elsewhere meanwhile speaks of another package.
        if (row.target or stores.placement.only) == target.name:
            uses = used_test_files(run.plan, arms, target)
            ground = await ground_of(stores, run.ticket_id, run.ticket, target, uses)
            facts = await _facts(stores, run, verdict, arms, environment, target)
            decision = evidence.decide(facts, now=ground.now, previous=row.decision)
            shown = await shown_now(stores, ground, target, decision or row.decision, row.domains)
    took = await stores.runs.mark_finished(
        run.id,
        run.attempt,
        verdict,
        arms=arms,
        environment=environment,
        decided=None if decision is None or decision.run != run.id else decision.state,
        reused_from=reused_from,
    )
    if took is None:
        return False
    if target is not None and others is not None:
        others |= await _reassess_others(stores, run, target, flipped)
    before, after = row.shown.in_words(), shown.in_words()
    async with stores.together():
        await _store_evidence(stores, run, verdict, row, decision, shown)
        await stores.catalogue.mark_outcomes(run.plan.target, _bundled_outcomes(run.plan, arms))
        await stores.catalogue.mark_flakes(run.plan.target, outcomes.flips(arms))
        await _record_end(stores, run, verdict, events)
        if before != after:
            await stores.audit.record(
                None,
                "evidence.changed",
                ticket_id=run.ticket_id,
                changes={"evidence": [before, after]},
            )
        await stores.counters.count_run(run.plan.target, run.kind, verdict.outcome, took)
    return True


async def _count(
    stores: Stores,
    run: ClaimedRun,
    arms: Sequence[ArmResult],
    environment: Mapping[str, Any],
    target: TargetState,
) -> set[str]:
    """Count how tests ended; return those that this run saw flip."""
    found = seen(run.plan, arms, target)
    if not found:
        return set()
    where = environment_digest(environment)
    tallies = await stores.tallies.record(target.name, where, found, run.id)
    await _keep_known(stores, run, arms, environment, tallies)
    return {key.node_id for key, tally in tallies.items() if tally.flipped_in == run.id}


async def _store_evidence(
    stores: Stores,
    run: ClaimedRun,
    verdict: Verdict,
    row: EvidenceRow,
    decision: Decision | None,
    shown: Shown,
) -> None:
    """Store what a run says of its ticket, as far as that is another than it was."""
    if decision is None:
        await stores.ticket_edits.save_last_attempt(run.ticket_id, _attempt(run, verdict))
        if shown != row.shown:
            await stores.ticket_edits.save_evidence(run.ticket_id, shown)
    else:
        # A run that only contradicts is no deciding one.
        attempt = None if decision.run == run.id else _attempt(run, verdict)
        await stores.ticket_edits.save_decision(run.ticket_id, decision, shown, attempt=attempt)


async def _store_explored(
    stores: Stores,
    run: ClaimedRun,
    verdict: Verdict,
    arms: Sequence[ArmResult],
    environment: Mapping[str, Any],
    explored: Explored | None,
) -> float | None:
    """Store the end of a run that decides no evidence; the seconds it took, None: it is over."""
    if run.kind is RunKind.STRENGTH:
        return await store_measured(stores, run, verdict, arms, environment)
    if run.kind is RunKind.BISECTION:
        found = None if explored is None else explored.found
        return await store_bisected(stores, run, verdict, found, environment)
    return await stores.runs.mark_finished(
        run.id,
        run.attempt,
        verdict,
        arms=arms,
        environment=environment,
        decided=None,
        minimised=None if explored is None else explored.minimised,
    )


async def _reassess_others(
    stores: Stores, run: ClaimedRun, target: TargetState, flipped: Collection[str]
) -> set[str]:
    """Bring the evidence of other tickets up to date whose tests this run saw flip.

    Returns:
        Those that somebody else holds. They have to be told in transactions of their own: two
        runs must not wait for each other's tickets in a ring.
    """
    if not flipped:
        return set()
    keys = await stores.links.tickets_of(run.plan.target, flipped) - {run.ticket}
    free = await stores.ticket_edits.hold_free(keys)
    for ticket_id, key in free:
        await reassess_for(stores, ticket_id, key, target)
    return keys - {key for _, key in free}


async def _record_end(
    stores: Stores, run: ClaimedRun | UnreadablePlan, verdict: Verdict, events: Events
) -> None:
    end = {
        "status": RunStatus.FINISHED.value,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
    }
    await stores.run_events.add_many(run.id, run.attempt, [*events, ("end", end)], over=True)
    await stores.audit.record(
        None,
        "run.finished",
        ticket_id=run.ticket_id,
        changes={"run": [None, str(run.id)], "outcome": [None, verdict.outcome.value]},
    )


async def end_unread(stores: Stores, run: UnreadablePlan) -> None:
    """End a run that no worker could read; it says nothing of its ticket."""
    verdict = Verdict(
        RunOutcome.ERROR,
        f"Its plan could not be read, {MAX_ATTEMPTS} times: another version stored it, or it "
        "is damaged. Ask for another run.",
    )
    took = await stores.runs.mark_finished(
        run.id, run.attempt, verdict, arms=(), environment={}, decided=None
    )
    if took is None:
        return
    await stores.ticket_edits.save_last_attempt(run.ticket_id, _attempt(run, verdict))
    await _record_end(stores, run, verdict, ())
    await stores.counters.count_run(None, run.kind, verdict.outcome, took)


async def _facts(
    stores: Stores,
    run: ClaimedRun,
    verdict: Verdict,
    arms: Sequence[ArmResult],
    environment: Mapping[str, Any],
    target: TargetState,
) -> FinishedRun:
    plan, where = run.plan, environment_digest(environment)
    uses = used_test_files(plan, arms, target)
    digests = {test.node_id: test.digest for test in plan.tests}
    bundled = [arm for arm in arms if ships(arm, plan)]
    failed = failing(bundled, digests)
    # Only a failure asks what was known before.
    regressed = await stores.tallies.passed_elsewhere(
        [(node_id, digests[node_id]) for node_id in failed],
        plan.package_digest,
        where,
        bundled=True,
    )
    same_suite = target.suite_digest == plan.suite_digest
    return FinishedRun(
        id=run.id,
        kind=run.kind,
        outcome=verdict.outcome,
        digests=Digests(
            plan.package_digest,
            plan.links_digest,
            plan.patches_digest,
            # Of another suite than that of now nothing is known of what the tests import.
            uses_digest(uses, target.test_files if same_suite else {}),
        ),
        # A check of another revision says nothing of what is in force.
        covers_all_links=plan.covers_all_links and any(ships(arm, plan) for arm in plan.arms),
        after_is_bundled=any(
            ships(arm, plan) for arm in plan.arms if not arm.name.startswith("before")
        ),
        by=proof_by(plan.arms),
        finished_at=datetime.now(UTC),
        environment=where,
        packages=tuple(dict.fromkeys(arm.package_digest for arm in arms)),
        uses=uses,
        authors=run.authors,
        without_assertion=verdict.without_assertion,
        revision=plan.arms[judged_last(plan.arms)].revision or plan.revision,
        regressed=bool(regressed),
        bundled_failed=bool(failed),
    )


async def _keep_known(
    stores: Stores,
    run: ClaimedRun,
    arms: Sequence[ArmResult],
    environment: Mapping[str, Any],
    tallies: Mapping[TallyKey, Tally],
) -> None:
    """Keep which files of the rest pass on the package as it ships; one that flips is forgotten."""
    linked = [test.node_id for test in run.plan.tests]
    files: dict[str, list[str]] = {}
    for arm in arms:
        if ships(arm, run.plan) and arm.failure is None:
            files |= whole_files(run.plan.others, linked, arm)
    flipped = {key.node_id.partition("::")[0] for key, tally in tallies.items() if tally.flaky}
    for path in flipped:
        files.pop(path, None)
    await stores.suite_results.keep(suite_key(run.plan, environment), files)
    await stores.suite_results.forget(run.plan.target, flipped)


def suite_key(plan: RunPlan, environment: Mapping[str, Any]) -> SuiteKey:
    """What the rest of a suite is known under to pass."""
    where = environment_digest(environment)
    return SuiteKey(plan.target, plan.package_digest, plan.suite_digest, where)


def _attempt(run: ClaimedRun | UnreadablePlan, verdict: Verdict) -> dict[str, Any]:
    return {
        "run": str(run.id),
        "kind": run.kind.value,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "at": datetime.now(UTC).isoformat(),
    }


def _bundled_outcomes(plan: RunPlan, arms: Sequence[ArmResult]) -> dict[str, str]:
    """Return how tests ended on the package as it ships, the last repeat counting."""
    return {
        result.node_id: result.outcome.value
        for arm in arms
        if ships(arm, plan)
        for result in arm.results
    }


def as_events(arms: Sequence[ArmResult]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return results as the events that a watcher of the run would have seen."""
    return [
        ("test", {"arm": arm.name, "reused": True, **vars(result)})
        for arm in arms
        for result in arm.results
    ]
