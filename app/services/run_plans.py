"""What a run is to execute, frozen when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.domain import diffs, minimise
from app.domain.arms import FIX, MUTANT, plan_arms
from app.domain.gate_calls import link_test, put_patch, submit_test
from app.domain.minimise import MinimisePlan
from app.domain.remedies import Caller, for_caller
from app.domain.runs import (
    Authors,
    RunKind,
    RunPlan,
    SubmittedFile,
)
from app.errors import (
    Conflict,
    FieldError,
    InvalidInput,
    NothingToRun,
)
from app.sandbox.snapshot import Snapshot
from app.services.catalogue import how_they_apply
from app.services.evidence import links_digest, patches_digest
from app.services.history_plans import HistoryPlan
from app.storage.links import ExpandedTest
from app.storage.patches import StoredPatch
from app.storage.tickets.tickets import LockedTicket
from app.storage.unit import Stores


def default_repeats(kind: RunKind, tests: int) -> int:
    """Return how often each of so many linked tests runs where nobody says.

    A proof wants to know whether one flips. A check runs each alone, and where there are several
    once more in one process: what only its neighbours make pass or fail shows nothing.
    """
    if kind is RunKind.PROOF:
        return 3
    return 2 if tests > 1 else 1


async def plan_run(
    stores: Stores,
    ticket: LockedTicket,
    kind: RunKind,
    wanted: Sequence[str] | None,
    snapshot: Snapshot,
    repeats: int | None,
    caller: Caller,
    history: HistoryPlan | None,
    against: str | None,
) -> tuple[RunPlan, Authors]:
    """Return what a run is to execute, and who wrote it.

    Args:
        stores: of the transaction that holds the ticket.
        ticket: whose run it is.
        kind: of the run.
        wanted: some of the linked tests; None for all.
        snapshot: the target as it is in force.
        repeats: how often each linked test runs; by default as `default_repeats` says.
        caller: for whom remedies are worded.
        history: its arms, where these are revisions.
        against: the diff of a mutant in place of the ticket's patches.

    Raises:
        NothingToRun: no test is linked, or no patch applies.
        InvalidInput: a named test is not linked.
        Conflict: the mutant fits no more.
    """
    linked = await stores.links.expanded(ticket.id, ticket.key, snapshot.support_digest)
    if not linked:
        raise _no_test(ticket.key, caller)
    chosen = _chosen(linked, wanted)
    patches = await stores.patches.of_ticket(ticket.id)
    usable: dict[str, tuple[str, str]] = {}
    others: tuple[str, ...] = ()
    mine = {test.node_id for test in chosen}
    if kind in (RunKind.PROOF, RunKind.MINIMISE) and history is None:
        may = [one for one in patches if kind is RunKind.PROOF or one.name == FIX]
        texts = [patch.text for patch in may]
        ways = await asyncio.to_thread(how_they_apply, snapshot, texts)
        usable = {p.name: (p.digest, way) for p, way in zip(may, ways, strict=True)}
    if against is not None:
        (way,) = how_they_apply(snapshot, [against])
        usable = {MUTANT: (diffs.digest(against), way)}
        await stores.patches.keep(against)
    if kind is not RunKind.CHECK and kind is not RunKind.BISECTION:
        everything = await stores.catalogue.tests(snapshot.target.name)
        files = {node_id.partition("::")[0] for node_id in mine}
        others = tuple(
            test.node_id
            for _, test in everything
            if test.node_id not in mine and snapshot.target.runs_beside(test.path, files)
        )
    arms = plan_arms(kind, usable) if history is None else history.arms
    if arms is None and against is not None:
        raise Conflict(
            "The package has changed since the mutant was made, and it fits no more. Measure "
            f"the strength of {ticket.key} anew."
        )
    if arms is None and kind is RunKind.MINIMISE:
        raise _no_fix(ticket.key, caller)
    if arms is None:
        raise _no_patch(ticket.key, patches, caller)
    submitted = [
        file
        for file in await stores.submitted.of_ticket(ticket.id)
        if mine.intersection(file.node_ids)
    ]
    used = {arm.patch.name for arm in arms if arm.patch is not None}
    authors = Authors(
        patch=_each_once(patch.author for patch in patches if patch.name in used),
        tests=_each_once(file.author for file in submitted),
    )
    plan = RunPlan(
        target=snapshot.target.name,
        arms=arms,
        tests=tuple(test.linked for test in chosen),
        others=others,
        package_digest=snapshot.package_digest,
        suite_digest=snapshot.suite_digest,
        links_digest=links_digest(linked),
        patches_digest=patches_digest(patches),
        covers_all_links=len(chosen) == len(linked) and against is None,
        repeats=repeats or default_repeats(kind, len(chosen)),
        submitted=tuple(SubmittedFile(file.path, file.digest) for file in submitted),
        others_submitted=tuple(
            await stores.submitted.of_others(snapshot.target.name, ticket.id)
            if kind is RunKind.PROOF and snapshot.target.others == ("suite",)
            else ()
        ),
        revision=snapshot.revision,
        commits=() if history is None else history.commits,
    )
    return plan, authors


def plan_minimise(plan: RunPlan, budget_s: int | None) -> MinimisePlan:
    """Return what a run reduces: the fix, which is on one of its arms."""
    digest = next(arm.patch.digest for arm in plan.arms if arm.patch is not None)
    return MinimisePlan(FIX, digest, budget_s or minimise.DEFAULT_BUDGET_S)


def _chosen(linked: Sequence[ExpandedTest], wanted: Sequence[str] | None) -> list[ExpandedTest]:
    if wanted is None:
        return list(linked)
    known = {test.node_id: test for test in linked}
    errors = [
        FieldError(f"/tests/{n}", f"{node_id!r} is not linked", allowed=tuple(known))
        for n, node_id in enumerate(wanted)
        if node_id not in known
    ]
    if errors:
        raise InvalidInput(*errors)
    return [test for test in linked if test.node_id in set(wanted)]


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _no_test(key: str, caller: Caller) -> NothingToRun:
    return NothingToRun(
        f"No test is linked with {key}. Link one of the suite, or mark a test with "
        f'@pytest.mark.finding("{key}") and sync.',
        remedies=[for_caller(replace(link_test(key), any_of=(submit_test(key),)), caller)],
    )


def _no_fix(key: str, caller: Caller) -> NothingToRun:
    return NothingToRun(
        f"{key} has no fix patch that applies to the bundled package, or has landed in it: there "
        "is nothing to reduce.",
        remedies=[for_caller(put_patch(key, FIX), caller)],
    )


def _no_patch(key: str, patches: Sequence[StoredPatch], caller: Caller) -> NothingToRun:
    has = ", ".join(patch.name for patch in patches)
    return NothingToRun(
        f"{key} has no patch that applies to the bundled package"
        + (f" (it has {has})" if has else "")
        + ". A proof needs the fix, or a defect that the tests must catch.",
        remedies=[
            for_caller(replace(put_patch(key, "fix"), any_of=(put_patch(key, "defect"),)), caller)
        ],
    )
