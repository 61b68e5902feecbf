"""The ticket that says the same is named."""

from __future__ import annotations

from app.domain.gate.rule import Judgement, Rule, satisfied, unmet
from app.domain.gate_calls import relate_duplicate
from app.domain.gate_facts import GateFacts, RequirementName
from app.domain.tickets import Resolution


def _judge(facts: GateFacts, _: Resolution) -> Judgement:
    if facts.duplicate_of:
        return satisfied(f"It repeats {', '.join(facts.duplicate_of)}.")
    return unmet(
        "No duplicate-of relation names the ticket that says the same. Give duplicate_of with "
        "the transition, or add the relation.",
        relate_duplicate(facts.key),
    )


RULE = Rule(
    RequirementName.RELATION,
    "A `duplicate-of` relation names the ticket that says the same.",
    of=(Resolution.DUPLICATE,),
    judge=_judge,
)
