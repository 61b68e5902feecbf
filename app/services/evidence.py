"""Keeping what a ticket's evidence shows in step with links, patches and the package."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain import evidence
from app.domain.catalogue import TargetState, fold
from app.domain.evidence import Decision, Digests, InForce, Shown
from app.domain.flakes import FlakyTest, flaky_tests
from app.storage.links import ExpandedTest
from app.storage.patches import StoredPatch
from app.storage.rows import batched
from app.storage.unit import Stores


def links_digest(tests: Sequence[ExpandedTest]) -> str:
    """Return one digest of the linked tests: which, what for, and the files they stand in."""
    parts = sorted((test.node_id, test.purpose.value, test.digest) for test in tests)
    return fold(part for test in parts for part in test)


def patches_digest(patches: Sequence[StoredPatch]) -> str:
    """Return one digest of a ticket's patches: their names and texts."""
    parts = sorted((patch.name, patch.digest) for patch in patches)
    return fold(part for patch in parts for part in patch)


def uses_digest(uses: Sequence[str], files: Mapping[str, str]) -> str:
    """Return one digest of the test files that linked tests import; empty where there are none.

    `files` holds the digests of the suite's test files by path.
    """
    if not uses:
        return ""
    return fold(part for path in sorted(uses) for part in (path, files.get(path, "")))


@dataclass(frozen=True)
class Ground:
    """What evidence of a ticket stands on now."""

    now: InForce
    linked: Sequence[ExpandedTest]

    def digests_of(self) -> list[tuple[str, str]]:
        """Return the linked tests as tallies know them."""
        return [(test.node_id, test.digest) for test in self.linked]


async def ground_of(
    stores: Stores, ticket_id: int, key: str, target: TargetState, uses: Sequence[str]
) -> Ground:
    """Return what is in force for a ticket whose tests import the test files `uses`."""
    tests = await stores.links.expanded(ticket_id, key, target.support_digest)
    patches = await stores.patches.of_ticket(ticket_id)
    digests = Digests(
        package=target.package_digest,
        links=links_digest(tests),
        patches=patches_digest(patches),
        uses=uses_digest(uses, target.test_files),
    )
    return Ground(InForce(digests, target.environments), tests)


async def flaky_among(
    stores: Stores, ground: Ground, decision: Decision | None
) -> tuple[FlakyTest, ...]:
    """Return the linked tests that flip at the digests in force.

    On the package as it ships, and on those of the arms that decided, while they are in force.
    """
    packages = {ground.now.digests.package}
    environments = set(ground.now.environments)
    if decision is not None and decision.digests == ground.now.digests:
        packages.update(decision.packages)
        environments.update(filter(None, [decision.environment]))
    return flaky_tests(await stores.tallies.flipping(ground.digests_of(), packages, environments))


async def shown_now(
    stores: Stores,
    ground: Ground,
    target: TargetState,
    decision: Decision | None,
    domains: Sequence[str],
) -> Shown:
    """Return how evidence that rests on `decision` is to be shown now."""
    uses = () if decision is None else decision.uses
    digests = replace(ground.now.digests, uses=uses_digest(uses, target.test_files))
    ground = replace(ground, now=replace(ground.now, digests=digests))
    flaky = await flaky_among(stores, ground, decision) if ground.linked else ()
    return evidence.assess(
        covered=target.covers(domains),
        linked=len(ground.linked),
        decision=decision,
        now=ground.now,
        flaky=flaky,
    )


async def reassess(stores: Stores, ticket_id: int, key: str) -> None:
    """Bring the shown state of a ticket's evidence up to date; the caller holds its row."""
    row = await stores.ticket_edits.evidence_row(ticket_id)
    name = row.target or stores.placement.only
    target = None if name is None else await stores.catalogue.target(name)
    await reassess_for(stores, ticket_id, key, target)


async def reassess_for(
    stores: Stores, ticket_id: int, key: str, target: TargetState | None
) -> None:
    """Bring the shown state of a ticket's evidence up to date with `target`."""
    row = await stores.ticket_edits.evidence_row(ticket_id)
    decision = row.decision
    if target is None:
        shown = evidence.assess(covered=False, linked=0, decision=decision, now=None)
        await stores.mutants.mark_stale(ticket_id, "", "")
    else:
        ground = await ground_of(stores, ticket_id, key, target, ())
        shown = await shown_now(stores, ground, target, decision, row.domains)
        digests = ground.now.digests
        await stores.mutants.mark_stale(ticket_id, digests.package, digests.links)
        await stores.bisections.forget_of_other_tests(ticket_id, digests.links)
    if shown != row.shown:
        await stores.ticket_edits.save_evidence(ticket_id, shown)


async def reassess_all(
    stores: Stores, tickets: Sequence[tuple[int, str]], target: TargetState | None
) -> None:
    """Bring the evidence of tickets, given as (id, key), up to date with `target`.

    The caller holds their rows. Of thousands most have no test: those take two statements for
    some hundred.
    """
    for some in batched(tickets):
        bare = await stores.ticket_edits.bare([ticket_id for ticket_id, _ in some])
        changed = defaultdict(list)
        for ticket_id, row in bare.items():
            covered = target is not None and target.covers(row.domains)
            shown = evidence.assess(covered=covered, linked=0, decision=None, now=None)
            if shown != row.shown:
                changed[shown].append(ticket_id)
        for shown, ids in changed.items():
            await stores.ticket_edits.save_evidence_of(ids, shown)
        for ticket_id, key in some:
            if ticket_id not in bare:
                await reassess_for(stores, ticket_id, key, target)


async def place_all(stores: Stores) -> None:
    """Place all tickets anew, as targets are declared now, and bring their evidence in step."""
    for name, moved in (await stores.ticket_edits.place_all()).items():
        target = await stores.catalogue.target(name or stores.placement.only or "")
        await reassess_all(stores, moved, target)
