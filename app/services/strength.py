"""What a run that measures strength changes: planned from the ticket and today's package."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.domain import diffs
from app.domain.evidence import EvidenceState, Shown, StaleReason
from app.domain.gate_calls import Call, trigger_run
from app.domain.mutated import Defined, Missing, Named, Selection, changed_lines, select
from app.domain.remedies import Caller, for_caller
from app.domain.strength import StrengthPlan, StrengthScope
from app.errors import NothingToRun, Unavailable
from app.mutation import maker
from app.sandbox.snapshot import Snapshot
from app.sandbox.source import stated_as
from app.storage.patches import StoredPatch
from app.storage.tickets.tickets import LockedTicket
from app.storage.unit import Stores

_PASSING = (EvidenceState.PROVEN, EvidenceState.PASSING, EvidenceState.CANNOT_FAIL)
_UNKNOWN = (StaleReason.PACKAGE, StaleReason.TESTS, StaleReason.ENVIRONMENT)
_MOST_KEPT = 8


class Outlines:
    """What packages define, asked of their interpreters once for each content."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Sequence[Defined]] = {}

    async def of(self, snapshot: Snapshot) -> Sequence[Defined]:
        """Return what the package of a snapshot defines.

        Raises:
            Unavailable: its interpreter does not answer.
        """
        interpreter = snapshot.target.interpreter
        key = (interpreter.python, snapshot.package_digest)
        if key not in self._known:
            try:
                found = await asyncio.to_thread(maker.outline, interpreter, snapshot.package_files)
            except maker.MakingFailed as failure:
                raise Unavailable(f"The package cannot be read for mutants: {failure}.") from None
            while len(self._known) >= _MOST_KEPT:
                del self._known[next(iter(self._known))]
            self._known[key] = found
        return self._known[key]


async def plan_strength(
    stores: Stores,
    ticket: LockedTicket,
    snapshot: Snapshot,
    defined: Sequence[Defined],
    caller: Caller,
    *,
    budget_s: int,
    scope: StrengthScope,
) -> StrengthPlan:
    """Return what is changed to measure the strength of a ticket's tests.

    Raises:
        NothingToRun: the linked tests are not known to pass on the package as it is, or neither
            the ticket nor its patches name anything that the package has.
    """
    row = await stores.ticket_edits.evidence_row(ticket.id)
    _require_passing(ticket.key, row.shown, caller)
    named = [
        replace(place, path=None if place.path is None else stated_as(snapshot.target, place.path))
        for place in await stores.mutants.places_of(ticket.id)
    ]
    patches = await stores.patches.of_ticket(ticket.id)
    touched, by_fix, lost = await asyncio.to_thread(_touched, snapshot, patches)
    fix = next((one.digest for one in patches if one.name == "fix" and "fix" not in lost), None)
    lengths = {
        path: data.count(b"\n") + 1
        for path, data in snapshot.package_files.items()
        if path.endswith(".py")
    }
    found = select(defined, lengths, named, touched, by_fix, scope)
    if not found.functions:
        by_file = any(place.path in lengths for place in named)
        raise _nothing_named(ticket.key, found, named, caller, by_file=by_file)
    hints = [_gone(one) for one in found.missing]
    hints += [
        f"The patch {name} applies no more; what it touched is not among the mutants."
        for name in lost
    ]
    return StrengthPlan(budget_s, scope, found.functions, tuple(hints), fix)


def _require_passing(key: str, shown: Shown, caller: Caller) -> None:
    if shown.flaky:
        told = ", ".join(test.node_id for test in shown.flaky[:3])
        raise NothingToRun(
            f"Linked tests of {key} flip: {told}. What a flaky test says of a mutant is chance, so "
            "nothing is measured. Mend or unlink it, then run a check.",
            remedies=[for_caller(trigger_run(key, "check"), caller)],
        )
    unknown = shown.stale and shown.stale_reason in _UNKNOWN
    if shown.state in _PASSING and not unknown:
        return
    if shown.state in (EvidenceState.UNVERIFIED, *_PASSING):
        told = "It is not known whether they pass now. Run a check first."
    else:
        told = f"They do not: the evidence is {shown.state.value}."
    raise NothingToRun(
        f"Strength is measured with linked tests that pass on the package as it is. {told}",
        remedies=[for_caller(trigger_run(key, "check"), caller)],
    )


def _touched(
    snapshot: Snapshot, patches: Sequence[StoredPatch]
) -> tuple[dict[str, set[int]], dict[str, set[int]], list[str]]:
    """Return lines of today's files that patches touch, those of the fix, and patches lost."""
    touched: dict[str, set[int]] = {}
    by_fix: dict[str, set[int]] = {}
    lost: list[str] = []
    files: Mapping[str, diffs.Content] = snapshot.package_files
    for stored in patches:
        patch, how = diffs.read_stored(stored.text, files, packages=snapshot.target.packages)
        if how is diffs.Applies.NO:
            lost.append(stored.name)
            continue
        after = diffs.apply(files, patch, reverse=how is diffs.Applies.REVERSE)
        for path in patch.paths:
            if path in files:
                lines = changed_lines(_text(files[path]), _text(after.get(path, b"")))
                touched.setdefault(path, set()).update(lines)
                if stored.name == "fix":
                    by_fix.setdefault(path, set()).update(lines)
    return touched, by_fix, lost


def _text(content: diffs.Content) -> str:
    return content if isinstance(content, str) else content.decode()


def _gone(missing: Missing) -> str:
    """Say that a symbol is no more, and what is like it."""
    nearest = " or ".join(missing.nearest)
    told = f"; the nearest is {nearest}" if nearest else ""
    return f"{missing.symbol!r} is defined in no Python file of the package{told}."


def _nothing_named(
    key: str, found: Selection, named: Sequence[Named], caller: Caller, *, by_file: bool
) -> NothingToRun:
    told = "No location of the ticket names a function, and no patch touches one."
    if found.missing:
        told = " ".join(map(_gone, found.missing))
    instead = {one.symbol: one.nearest[0].partition(" ")[0] for one in found.missing if one.nearest}
    locations = [_mended(place, instead) for place in named]
    if not any("symbol" in one for one in locations):
        locations.append({"symbol": "<symbol>"})
    edit = Call("editTicket", "PATCH", f"/api/v1/tickets/{key}", {"locations": locations})
    whole = {"kind": "strength", "scope": StrengthScope.FILE.value}
    ways = (replace(trigger_run(key, "strength"), body=whole),) if by_file else ()
    return NothingToRun(
        f"There is nothing to change for {key}: {told} Name the function as it is called today in "
        "a location's symbol" + (", or measure the whole file." if ways else "."),
        remedies=[for_caller(replace(edit, any_of=ways), caller)],
    )


def _mended(place: Named, instead: Mapping[str, str]) -> dict[str, str]:
    """Return a location as a merge patch keeps it, or names what is there today."""
    new = next((name for symbol, name in instead.items() if symbol in (place.symbol or "")), None)
    return {"id": place.id} | ({} if new is None else {"symbol": new})
