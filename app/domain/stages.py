"""The stages of a ticket from its claim to its closing, and where it stands in each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.evidence import EvidenceState, ProofBy
from app.domain.gate_calls import Call
from app.domain.gate_facts import GateFacts, RequirementName, RequirementState, facts_of
from app.domain.gates import evaluate
from app.domain.tickets import Resolution, Ticket


class StageName(StrEnum):
    """A stage."""

    CLAIM = "claim"
    TEST = "test"
    PATCH = "defect or fix"
    PROOF = "proof"
    ENDORSEMENT = "endorsement"
    CLOSE = "close"


class StageState(StrEnum):
    """Where a ticket stands in a stage."""

    DONE = "done"
    OPEN = "open"
    TROUBLE = "trouble"
    """It was gone through, and something is in the way since."""
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Stage:
    """A stage of one ticket."""

    name: StageName
    state: StageState
    note: str = ""
    """What there is of it, in a few words."""


_STAGE_OF = {
    "linkTest": StageName.TEST,
    "putPatch": StageName.PATCH,
    "triggerRun": StageName.PROOF,
    "showRun": StageName.PROOF,
    "recordReview": StageName.ENDORSEMENT,
    "confirmReview": StageName.ENDORSEMENT,
    "answerReview": StageName.ENDORSEMENT,
    "transitionTicket": StageName.CLOSE,
}


def stage_of(call: Call) -> StageName:
    """Return the stage that a call brings on."""
    return _STAGE_OF.get(call.operation, StageName.CLAIM)


def stages(ticket: Ticket) -> tuple[Stage, ...]:
    """Return the stages of a ticket as it is shown, in their order."""
    facts = facts_of(ticket)
    found = (
        _claim(ticket),
        _test(ticket, facts),
        _patch(ticket, facts),
        _proof(ticket, facts),
        _endorsement(facts),
        _close(ticket),
    )
    if not ticket.status.is_final:
        return found
    # What a settled ticket never had it was settled without.
    return tuple(
        Stage(stage.name, StageState.SKIPPED, stage.note)
        if stage.state is StageState.OPEN
        else stage
        for stage in found
    )


def _claim(ticket: Ticket) -> Stage:
    said = ticket.consensus.claim
    if said.get("false") and not said.get("true"):
        count = said["false"]
        told = f"{count} reviewer{'s call' if count > 1 else ' calls'} it false"
        return Stage(StageName.CLAIM, StageState.TROUBLE, told)
    return Stage(StageName.CLAIM, StageState.DONE, "filed")


def _test(ticket: Ticket, facts: GateFacts) -> Stage:
    count = len(ticket.tests)
    if not facts.evidence_applies:
        state = StageState.DONE if count else StageState.SKIPPED
        return Stage(StageName.TEST, state, "not testable" if not facts.testable else "no target")
    if not count:
        return Stage(StageName.TEST, StageState.OPEN, "none linked")
    if ticket.evidence.flaky:
        return Stage(StageName.TEST, StageState.TROUBLE, "flaky")
    if ticket.evidence.state is EvidenceState.CANNOT_FAIL and not ticket.evidence.stale:
        return Stage(StageName.TEST, StageState.TROUBLE, "one cannot fail")
    return Stage(StageName.TEST, StageState.DONE, f"{count} linked")


def _patch(ticket: Ticket, facts: GateFacts) -> Stage:
    names = ", ".join(ticket.patches)
    by_history = ticket.evidence.by is ProofBy.HISTORY
    if not facts.evidence_applies or (by_history and facts.proven):
        state = StageState.DONE if names else StageState.SKIPPED
        return Stage(StageName.PATCH, state, names or "not needed")
    if facts.proof_by is not None:
        return Stage(StageName.PATCH, StageState.DONE, names)
    if names:
        return Stage(StageName.PATCH, StageState.TROUBLE, f"{names}: does not apply")
    return Stage(StageName.PATCH, StageState.OPEN, "none given")


def _proof(ticket: Ticket, facts: GateFacts) -> Stage:
    if facts.proven:
        return Stage(StageName.PROOF, StageState.DONE, "proven")
    if not facts.evidence_applies:
        return Stage(StageName.PROOF, StageState.SKIPPED, "no run can show it")
    state = ticket.evidence.state
    if ticket.evidence.stale:
        return Stage(StageName.PROOF, StageState.TROUBLE, f"{state.value}, out of date")
    if state in (EvidenceState.REGRESSED, EvidenceState.CANNOT_FAIL):
        return Stage(StageName.PROOF, StageState.TROUBLE, state.value)
    return Stage(StageName.PROOF, StageState.OPEN, _SO_FAR.get(state, "not run"))


_SO_FAR = {
    EvidenceState.REPRODUCED: "the tests fail",
    EvidenceState.PASSING: "the tests pass",
    EvidenceState.FIX_READY: "the fix mends it",
}


def _endorsement(facts: GateFacts) -> Stage:
    if facts.hidden:
        return Stage(StageName.ENDORSEMENT, StageState.OPEN, "hidden from you")
    gate = {item.name: item.state for item in evaluate(facts, Resolution.FIXED)}
    if gate[RequirementName.OBJECTIONS] is RequirementState.UNSATISFIED:
        return Stage(StageName.ENDORSEMENT, StageState.TROUBLE, "an objection is open")
    if gate[RequirementName.ENDORSEMENT] is RequirementState.UNSATISFIED:
        reviews = len(facts.opinions)
        told = f"{reviews} review{'s' if reviews > 1 else ''}, none counts" if reviews else "none"
        return Stage(StageName.ENDORSEMENT, StageState.OPEN, told)
    return Stage(StageName.ENDORSEMENT, StageState.DONE, "given")


def _close(ticket: Ticket) -> Stage:
    if not ticket.status.is_final:
        return Stage(StageName.CLOSE, StageState.OPEN, ticket.status.value)
    word = ticket.resolution.value if ticket.resolution else ticket.status.value
    return Stage(StageName.CLOSE, StageState.DONE, word)
