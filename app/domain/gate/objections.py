"""No objection is open."""

from __future__ import annotations

from app.domain.gate.rule import Judgement, Rule, satisfied, unmet
from app.domain.gate_calls import answer_objection
from app.domain.gate_facts import GateFacts, RequirementName
from app.domain.reviews import ReviewVerdict
from app.domain.tickets import Resolution


def _judge(facts: GateFacts, _: Resolution) -> Judgement:
    against = [o for o in facts.opinions if o.verdict is ReviewVerdict.OBJECT and o.answer is None]
    if not against:
        return satisfied("No objection is open.")
    who = ", ".join(o.specialist for o in against)
    return unmet(
        f"Open: OBJECT of {who}. Its author withdraws it, or a maintainer accepts or overrules it.",
        *(answer_objection(facts.key, o.id, o.author) for o in against),
    )


RULE = Rule(
    RequirementName.OBJECTIONS,
    "No objection is open: each OBJECT was answered, or superseded by a later review.",
    of=(Resolution.FIXED,),
    judge=_judge,
    by_verdicts=True,
)
