"""Keeping what a ticket's evidence shows in step with links, patches and the package."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain import evidence
from app.domain.catalogue import TargetState, fold
from app.domain.evidence import Digests
from app.storage.links import ExpandedTest
from app.storage.patches import StoredPatch
from app.storage.unit import Stores


def links_digest(tests: Sequence[ExpandedTest]) -> str:
    """Return one digest of the linked tests: which, what for, and the files they stand in."""
    parts = sorted((test.node_id, test.purpose.value, test.digest) for test in tests)
    return fold(part for test in parts for part in test)


def patches_digest(patches: Sequence[StoredPatch]) -> str:
    """Return one digest of a ticket's patches: their names and texts."""
    parts = sorted((patch.name, patch.digest) for patch in patches)
    return fold(part for patch in parts for part in patch)


async def digests_in_force(
    stores: Stores, ticket_id: int, key: str, target: TargetState
) -> tuple[Digests, int]:
    """Return the digests that evidence of a ticket rests on now, and how many tests it has."""
    tests = await stores.links.expanded(ticket_id, key)
    patches = await stores.patches.of_ticket(ticket_id)
    now = Digests(
        package=target.package_digest,
        links=links_digest(tests),
        patches=patches_digest(patches),
    )
    return now, len(tests)


async def reassess(stores: Stores, ticket_id: int, key: str, target_name: str) -> None:
    """Bring the shown state of a ticket's evidence up to date; the caller holds its row."""
    target = await stores.catalogue.target(target_name)
    standing = await stores.ticket_edits.standing_of(ticket_id)
    covered = target is not None and target.covers(standing.domains)
    now, linked = None, 0
    if target is not None:
        now, linked = await digests_in_force(stores, ticket_id, key, target)
    state, stale = evidence.assess(
        covered=covered, linked=linked, decision=standing.decision, now=now
    )
    if (state, stale) != (standing.state, standing.stale):
        await stores.ticket_edits.save_evidence(ticket_id, state, stale=stale)
