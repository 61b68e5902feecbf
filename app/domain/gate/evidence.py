"""The linked tests have shown the fix."""

from __future__ import annotations

from app.domain.evidence import sentence
from app.domain.gate.rule import Judgement, Rule, not_applicable, satisfied, unmet
from app.domain.gate_calls import prove
from app.domain.gate_facts import GateFacts, RequirementName
from app.domain.tickets import Resolution


def _judge(facts: GateFacts, resolution: Resolution) -> Judgement:
    known = sentence(facts.evidence, stale=facts.stale, by=facts.shown_by)
    if facts.proven:
        return satisfied(known)
    if not facts.evidence_applies:
        why = known if facts.testable else "A reviewer said that this cannot be tested."
        waived = resolution is Resolution.FIXED
        instead = "A commit and a waiver are" if waived else "A commit is"
        return not_applicable(f"{why} {instead} required instead.")
    if resolution is Resolution.ALREADY_FIXED and facts.commits:
        return not_applicable(f"{known} A commit is named instead.")
    advice, calls = prove(facts.key, facts.evidence, stale=facts.stale, proof_by=facts.proof_by)
    return unmet(f"{known} {advice}", *calls)


RULE = Rule(
    RequirementName.EVIDENCE,
    "The evidence is `proven` and not stale. Not applicable when no target covers the "
    "ticket's domains and no test is linked, or when a reviewer said that it cannot be tested.",
    of=(Resolution.FIXED, Resolution.ALREADY_FIXED),
    judge=_judge,
)
