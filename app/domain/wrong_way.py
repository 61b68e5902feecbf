"""Patches that were given the wrong way round, and what each was meant to be."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.node_ids import is_among
from app.domain.runs import ArmResult, Run, RunKind, TestOutcome, TestPurpose
from app.domain.tickets import Ticket


def wrong_way(ticket: Ticket, run: Run | None) -> tuple[str, ...]:
    """Return the names of the patches that lead the other way than their names say.

    A defect that only fits in reverse mends instead of planting. Else the newest proof tells: its
    demonstrating tests pass on the arm before and fail on the arm after, where it is the other way
    round with a patch as it should be.
    """
    found = [
        name for name, info in ticket.patches.items() if name != "fix" and info.applies == "reverse"
    ]
    found += _by_proof(ticket, run)
    return tuple(dict.fromkeys(found))


def _by_proof(ticket: Ticket, run: Run | None) -> Iterator[str]:
    if run is None or run.kind is not RunKind.PROOF:
        return
    after = next((arm for arm in run.arms if arm.name == "after"), None)
    if after is None or _outcomes(after, ticket) != {TestOutcome.FAILED}:
        return
    for arm in run.arms:
        if arm is after or _outcomes(arm, ticket) != {TestOutcome.PASSED}:
            continue
        used = arm.patch or after.patch
        if used is None or used.reverse:
            continue
        stored = ticket.patches.get(used.name)
        if stored is not None and stored.digest == used.digest:
            yield used.name


def _outcomes(arm: ArmResult, ticket: Ticket) -> set[TestOutcome]:
    demonstrating = (t for t in ticket.tests if t.purpose == TestPurpose.DEMONSTRATES)
    names = {link.node_id for link in demonstrating}
    return {result.outcome for result in arm.results if is_among(result.node_id, names)}
