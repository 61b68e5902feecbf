"""What a gate depends on and what it says: plain data for the rules of the gate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.domain.arms import plan_arms, proof_by
from app.domain.evidence import EvidenceState, ProofBy
from app.domain.gate_calls import Call
from app.domain.reviews import Answer, ClaimOpinion, Review, ReviewVerdict
from app.domain.runs import RunKind
from app.domain.strength import StrengthGate, TicketStrength
from app.domain.tickets import RelationKind, Testable, Ticket


class RequirementName(StrEnum):
    """What a gate can ask for."""

    EVIDENCE = "evidence"
    ENDORSEMENT = "endorsement"
    OBJECTIONS = "objections"
    COMMIT = "commit"
    REASON = "reason"
    REFUTATION = "refutation"
    RELATION = "relation"
    WAIVER = "waiver"
    STRENGTH = "strength"


class RequirementState(StrEnum):
    """How a ticket stands to a requirement."""

    SATISFIED = "SATISFIED"
    UNSATISFIED = "UNSATISFIED"
    OVERRIDDEN = "OVERRIDDEN"
    NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True)
class Opinion:
    """What the gate needs to know of a current review."""

    id: UUID
    specialist: str
    author: str
    verdict: ReviewVerdict
    outdated: bool = False
    claim: ClaimOpinion | None = None
    answer: Answer | None = None
    applied: bool = False


GRAVE = ("P0", "P1")
"""Severities of which the gate asks how strong the tests are."""


@dataclass(frozen=True)
class FixStrength:
    """What the linked tests make of mutants in functions that the fix touches."""

    run: UUID
    unexplained: int
    """Survivors that nobody has said anything of."""
    not_run: int


@dataclass(frozen=True)
class GateFacts:
    """Everything that a gate depends on."""

    key: str
    agent: str
    """The reporting specialist."""
    filer: str
    """Name of the account that filed the ticket."""
    evidence: EvidenceState = EvidenceState.NONE
    stale: bool = False
    testable: bool = True
    proof_by: ProofBy | None = None
    """Which kind of patch a proof would rest on; None when it has none that applies."""
    shown_by: ProofBy | None = None
    """What made the defective package of the proof that there is."""
    opinions: tuple[Opinion, ...] = ()
    """Current reviews: none of them is superseded."""
    missing: tuple[str, ...] = ()
    """Specialists without a current review."""
    hidden: bool = False
    """Others' verdicts are kept from the reader: nothing is said of what depends on them."""
    commits: tuple[str, ...] = ()
    """Those that count."""
    unknown_commits: tuple[str, ...] = ()
    """Those that the repository of its target lacks."""
    reason: str | None = None
    strength_gate: StrengthGate = StrengthGate.OFF
    """What is made of the tests' strength; of a ticket that is not grave nothing."""
    has_fix: bool = False
    """It has a fix patch that applies, or has landed."""
    strength: FixStrength | None = None
    """Of that fix, with the package and the tests of now; None: not known."""
    waiver: str | None = None
    """Why a maintainer lets it be closed although no run can show the fix."""
    duplicate_of: tuple[str, ...] = ()
    overridden: frozenset[str] = frozenset()
    """Names of requirements that a maintainer has overridden."""

    @property
    def proven(self) -> bool:
        """The evidence is ``proven`` and holds."""
        return self.evidence is EvidenceState.PROVEN and not self.stale

    @property
    def evidence_applies(self) -> bool:
        """A run can show the claim, so that evidence is asked for."""
        return self.testable and self.evidence is not EvidenceState.NOT_COVERED

    @property
    def other_specialists(self) -> tuple[str, ...]:
        """As whom a further review counts: first those that have not spoken yet."""
        spoken = (opinion.specialist for opinion in self.opinions)
        return tuple(name for name in (*self.missing, *spoken) if name != self.agent)


@dataclass(frozen=True)
class Requirement:
    """A requirement, and how a ticket stands to it."""

    name: RequirementName
    state: RequirementState
    explanation: str
    remedy: tuple[Call, ...] = ()
    """Calls that would meet it, to be made in this order."""
    advisory: bool = False
    """It is not met, and keeps nothing open: a setting of the service."""

    def as_body(self) -> dict[str, Any]:
        """Return the requirement as the API shows it."""
        body: dict[str, Any] = {
            "name": self.name.value,
            "state": self.state.value,
            "explanation": self.explanation,
        }
        if self.advisory:
            body["advisory"] = True
        if self.remedy:
            body["remedy"] = [call.as_body() for call in self.remedy]
        return body


def facts_of(ticket: Ticket) -> GateFacts:
    """Return what the gate needs to know of a ticket as it is shown."""
    patches = {name: (info.digest, info.applies) for name, info in ticket.patches.items()}
    closure, said = ticket.closure, ticket.testability
    fix = ticket.patches.get("fix")
    grave = ticket.severity.value in GRAVE
    return GateFacts(
        key=ticket.key,
        agent=ticket.agent,
        filer=ticket.created_by,
        evidence=ticket.evidence.state,
        stale=ticket.evidence.stale,
        testable=said is None or said.state is Testable.TESTABLE,
        proof_by=proof_by(plan_arms(RunKind.PROOF, patches) or ()),
        shown_by=ticket.evidence.by,
        opinions=tuple(_opinion(review) for review in ticket.reviews),
        missing=ticket.consensus.missing,
        hidden=ticket.verdicts_hidden,
        commits=tuple(one for one in ticket.commits if one not in ticket.unknown_commits),
        unknown_commits=ticket.unknown_commits,
        reason=None if closure is None else closure.reason,
        strength_gate=ticket.strength_gate if grave else StrengthGate.OFF,
        has_fix=fix is not None and fix.applies != "no",
        strength=_of_fix(ticket.strength, None if fix is None else fix.digest),
        waiver=None if closure is None else closure.waiver,
        duplicate_of=tuple(r.key for r in ticket.relations if r.kind is RelationKind.DUPLICATE_OF),
        overridden=frozenset() if closure is None else frozenset(closure.overridden),
    )


def _of_fix(shown: TicketStrength | None, fix: str | None) -> FixStrength | None:
    """Return what is known of the functions that the fix of now touches."""
    if shown is None or shown.stale or fix is None or shown.fix != fix:
        return None
    found = shown.strength
    return FixStrength(shown.run, found.unexplained_in_fix, found.not_run_in_fix)


def _opinion(review: Review) -> Opinion:
    return Opinion(
        id=review.id,
        specialist=review.specialist,
        author=review.author,
        verdict=review.verdict,
        outdated=review.outdated,
        claim=review.claim,
        answer=None if review.answer is None else Answer(review.answer["resolution"]),
        applied=review.applied is not None,
    )
