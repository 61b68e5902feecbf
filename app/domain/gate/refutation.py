"""A review says that the claim is false."""

from __future__ import annotations

from app.domain.gate.rule import Judgement, Rule, satisfied, unmet
from app.domain.gate_calls import object_to
from app.domain.gate_facts import GateFacts, RequirementName
from app.domain.reviews import Answer, ClaimOpinion, ReviewVerdict
from app.domain.tickets import Resolution


def _judge(facts: GateFacts, _: Resolution) -> Judgement:
    lost = (Answer.WITHDRAWN, Answer.OVERRULED)
    for opinion in facts.opinions:
        if opinion.outdated:
            continue
        if opinion.claim is ClaimOpinion.FALSE:
            return satisfied(f'{opinion.specialist} says the claim is "false".')
        if opinion.verdict is ReviewVerdict.OBJECT and opinion.answer not in lost:
            return satisfied(f"{opinion.specialist} objects.")
    return unmet(
        'No current review says OBJECT or that the claim is "false".',
        object_to(facts.key, facts.other_specialists),
    )


RULE = Rule(
    RequirementName.REFUTATION,
    "A current review says OBJECT, and was neither withdrawn nor overruled, or says that the "
    'claim is "false".',
    of=(Resolution.NOT_A_BUG,),
    judge=_judge,
    by_verdicts=True,
)
