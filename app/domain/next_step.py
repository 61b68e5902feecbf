"""The one call that brings a ticket on, for one account: towards proven, and then closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.domain.evidence import EvidenceState
from app.domain.gate_calls import Call, settle
from app.domain.gate_facts import (
    GateFacts,
    Requirement,
    RequirementName,
    RequirementState,
    facts_of,
)
from app.domain.gates import evaluate, unmet
from app.domain.remedies import Caller, for_caller
from app.domain.tickets import Resolution, Ticket


@dataclass(frozen=True)
class NextStep:
    """What to do with a ticket, or what it waits for."""

    call: Call | None = None
    """With `needs` where the account itself may not make it."""
    why: str | None = None
    undecided: Mapping[str, Any] | None = None
    """The newest run, where it decided nothing of what is still open."""
    waiting_for: str | None = None
    """In words, where no call of the API brings the ticket on."""

    def as_body(self) -> dict[str, Any]:
        """Return the step as the API shows it."""
        body: dict[str, Any] = {} if self.call is None else self.call.as_body()
        if self.why is not None:
            body["why"] = self.why
        if self.undecided is not None:
            body["why"] = (
                f"{self.why} The newest run, a {self.undecided['kind']}, ended "
                f"{self.undecided['outcome']} and decided nothing: "
                f"GET /api/v1/runs/{self.undecided['run']} says why."
            )
        if self.waiting_for is not None:
            body["waiting_for"] = self.waiting_for
        return body


def next_step(ticket: Ticket, caller: Caller, live_run: UUID | None = None) -> NextStep:
    """Return the next step of a ticket for `caller`.

    Of what the gate of ``fixed`` still asks for, the first that `caller` may do itself; where there
    is none, the first of all, with who may.

    Args:
        ticket: as it is shown.
        caller: who asks.
        live_run: a run of the ticket that is queued or goes on.
    """
    if ticket.status.is_final:
        settled = ticket.resolution.value if ticket.resolution else ticket.status.value
        return NextStep(waiting_for=f"Nothing: the ticket is settled as {settled}.")
    if live_run is not None:
        path = f"/api/v1/runs/{live_run}?wait=60"
        return NextStep(
            Call("showRun", "GET", path), "A run goes on; its end decides what is next."
        )
    facts = facts_of(ticket)
    gate = evaluate(facts, Resolution.FIXED)
    if not unmet(gate):
        call = for_caller(replace(settle(ticket.key, Resolution.FIXED), replaces=False), caller)
        return NextStep(_filled(call, ticket), "Nothing is missing to close it as fixed.")
    steps = [
        NextStep(
            _filled(for_caller(call, caller), ticket),
            requirement.explanation,
            _undecided(requirement, ticket),
        )
        for requirement, call in _open(gate, facts)
    ]
    for step in steps:
        if step.call is not None and step.call.needs is None:
            return step
    if steps:
        return steps[0]
    return NextStep(
        waiting_for="Apply the fix patch to the package itself, which this service never changes; "
        "then run a proof."
    )


def _open(gate: tuple[Requirement, ...], facts: GateFacts) -> Iterator[tuple[Requirement, Call]]:
    """Yield what is still open, each with the first call that meets it."""
    landing = facts.evidence is EvidenceState.FIX_READY and not facts.stale
    for requirement in gate:
        if requirement.state is not RequirementState.UNSATISFIED or not requirement.remedy:
            continue
        if landing and requirement.name is RequirementName.EVIDENCE:
            continue  # another proof would show the same again
        yield requirement, requirement.remedy[0]


def _undecided(requirement: Requirement, ticket: Ticket) -> Mapping[str, Any] | None:
    of_evidence = requirement.name is RequirementName.EVIDENCE
    return ticket.evidence.last_attempt if of_evidence else None


def _filled(call: Call, ticket: Ticket) -> Call:
    """Return a call with what is known of the ticket in place of placeholders."""
    known: Mapping[str, str] = {
        "<filename>": f"test_{ticket.key.lower().replace('-', '_').replace('~', '_')}.py",
        **({"<commit>": ticket.commits[0]} if ticket.commits else {}),
    }
    body = call.body
    if isinstance(body, Mapping):
        body = {
            name: known.get(value, value) if isinstance(value, str) else value
            for name, value in body.items()
        }
    return replace(
        call,
        body=body,
        then=tuple(_filled(step, ticket) for step in call.then),
        any_of=tuple(_filled(way, ticket) for way in call.any_of),
    )
