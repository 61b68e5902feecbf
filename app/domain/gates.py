"""The gate: what a ticket has to show before it is settled with a resolution.

`GATES` says which requirements a resolution has, `evaluate` how a ticket stands to them. Each
requirement that is open comes with the calls that would meet it, so that a client needs no more
than the API's own description to go on. In those calls words in angle brackets are to be filled
in by the client; `gate_calls.PLACEHOLDERS` explains each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from app.domain.gate import RULES
from app.domain.gate.rule import Rule
from app.domain.gate_calls import Call
from app.domain.gate_facts import (
    GateFacts,
    Requirement,
    RequirementName,
    RequirementState,
    facts_of,
)
from app.domain.lifecycle import RESOLUTIONS
from app.domain.tickets import Resolution, Status, Ticket

GATES: Mapping[Resolution, tuple[Rule, ...]] = {
    resolution: tuple(rule for rule in RULES if resolution in rule.of) for resolution in Resolution
}
"""The requirements of each resolution. Steps without a resolution have none."""


def evaluate(facts: GateFacts, resolution: Resolution | None) -> tuple[Requirement, ...]:
    """Return the requirements of `resolution` in the order of the table; None has none.

    A waiver is among them only where no run can show the fix, strength only of a grave ticket.
    """
    if resolution is None:
        return ()
    found = [
        rule.requirement(facts, resolution)
        for rule in GATES[resolution]
        if rule.is_asked_for(facts, resolution)
    ]
    return tuple(_overridden(facts, requirement) for requirement in found)


def unmet(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """Return those that keep the gate closed."""
    return tuple(r for r in requirements if r.state is RequirementState.UNSATISFIED)


def waived(requirements: Iterable[Requirement], facts: GateFacts) -> str | None:
    """Return the waiver that a step rests on, or None: one that is not asked for is not kept."""
    rests = any(
        r.name is RequirementName.WAIVER and r.state is RequirementState.SATISFIED
        for r in requirements
    )
    return facts.waiver if rests else None


def way_through(requirements: Iterable[Requirement]) -> tuple[Call, ...]:
    """Return the calls that open the gate, in the order in which they are to be made.

    The one that takes the place of the refused call comes last, and once. Where a commit does in
    place of evidence, nothing is asked for evidence.
    """
    still_open = unmet(requirements)
    names = {requirement.name for requirement in still_open}
    calls: list[Call] = []
    for requirement in still_open:
        if requirement.name is not RequirementName.EVIDENCE or RequirementName.COMMIT not in names:
            calls += [call for call in requirement.remedy if call not in calls]
    return tuple(sorted(calls, key=lambda call: call.replaces))


def gate_of(ticket: Ticket) -> tuple[Requirement, ...]:
    """Return the gate that is shown with a ticket: of its resolution, or of ``fixed``."""
    return evaluate(facts_of(ticket), ticket.resolution or Resolution.FIXED)


def is_closable(status: Status, facts: GateFacts) -> bool:
    """Tell whether nothing but the step itself is missing to close a ticket as ``fixed``."""
    return not status.is_final and not unmet(evaluate(facts, Resolution.FIXED))


def resolution_of_gate(to: Status | None, resolution: Resolution | None) -> Resolution | None:
    """Return whose gate is meant by a target status and a resolution, either left out or not.

    A closing without a resolution means ``fixed``; a status that is not final has no gate.

    Raises:
        ValueError: the status cannot have that resolution.
    """
    if to is None:
        return resolution or Resolution.FIXED
    allowed = RESOLUTIONS.get(to, ())
    if resolution is not None and resolution not in allowed:
        raise ValueError(f"{to.value} cannot have the resolution {resolution.value}")
    return resolution or (allowed[0] if allowed else None)


def _overridden(facts: GateFacts, requirement: Requirement) -> Requirement:
    if (
        requirement.state is not RequirementState.UNSATISFIED
        or requirement.name not in facts.overridden
    ):
        return requirement
    return replace(
        requirement,
        state=RequirementState.OVERRIDDEN,
        explanation=f"A maintainer overrode this. {requirement.explanation}",
        remedy=(),
    )
