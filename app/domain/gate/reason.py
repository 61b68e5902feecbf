"""The step says why."""

from __future__ import annotations

from app.domain.gate.rule import Judgement, Rule, satisfied, unmet
from app.domain.gate_calls import settle
from app.domain.gate_facts import GateFacts, RequirementName
from app.domain.tickets import Resolution


def _judge(facts: GateFacts, resolution: Resolution) -> Judgement:
    if facts.reason is not None and facts.reason.strip():
        return satisfied("A reason is given.")
    return unmet("Give a reason with the transition.", settle(facts.key, resolution, reason=True))


RULE = Rule(
    RequirementName.REASON,
    "A reason is given with the transition.",
    of=(Resolution.NOT_A_BUG, Resolution.WONT_FIX),
    judge=_judge,
)
