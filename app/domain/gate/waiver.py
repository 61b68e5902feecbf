"""A maintainer says why it is closed without evidence."""

from __future__ import annotations

from app.domain.gate.rule import Judgement, Rule, satisfied, unmet
from app.domain.gate_calls import settle
from app.domain.gate_facts import GateFacts, RequirementName
from app.domain.tickets import Resolution


def _judge(facts: GateFacts, resolution: Resolution) -> Judgement:
    if not lacks_waiver(facts, resolution):
        return satisfied(f"A maintainer waived the evidence: {facts.waiver}")
    return unmet(
        "No run can show the fix, and a commit alone does not. A maintainer gives a waiver with "
        "the transition and says why; the ticket is then listed as closed without evidence.",
        settle(facts.key, resolution, commits=not facts.commits, waiver=True),
    )


def lacks_waiver(facts: GateFacts, resolution: Resolution) -> bool:
    """Tell whether a waiver is asked for, and not given."""
    return asks_for_waiver(facts, resolution) and not (facts.waiver or "").strip()


def asks_for_waiver(facts: GateFacts, resolution: Resolution) -> bool:
    """Tell whether a ticket can be settled only by a waiver: as fixed, and no run can show it."""
    return resolution is Resolution.FIXED and not facts.proven and not facts.evidence_applies


RULE = Rule(
    RequirementName.WAIVER,
    "A maintainer's `waiver` with its reason. Asked for only where evidence is not applicable; "
    "the ticket is then listed as closed without evidence.",
    of=(Resolution.FIXED,),
    judge=_judge,
    is_asked_for=asks_for_waiver,
)
