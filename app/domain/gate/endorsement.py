"""Another specialist endorses it."""

from __future__ import annotations

from dataclasses import replace

from app.domain.gate.rule import Judgement, Rule, satisfied, unmet
from app.domain.gate_calls import confirm_review, endorse
from app.domain.gate_facts import GateFacts, Opinion, RequirementName
from app.domain.reviews import ReviewVerdict
from app.domain.tickets import Resolution


def _judge(facts: GateFacts, _: Resolution) -> Judgement:
    wrong = []
    for opinion in facts.opinions:
        if not _is_endorsement(opinion):
            continue
        reason = _why_not(facts, opinion)
        if reason is None:
            what = "endorses" if opinion.verdict is ReviewVerdict.ENDORSE else "refined"
            return satisfied(f"{opinion.specialist} {what} it, recorded by {opinion.author}.")
        wrong.append((opinion, reason))
    told = "".join(f" The {o.verdict.value} of {o.specialist} {why}." for o, why in wrong)
    anew = endorse(facts.key, facts.other_specialists, facts.filer)
    calls = [
        replace(confirm_review(facts.key, opinion.id, opinion.author), any_of=(anew,))
        for opinion, _reason in wrong
        if opinion.outdated and _why_not(facts, replace(opinion, outdated=False)) is None
    ][:1]
    return unmet(
        f"No specialist other than {facts.agent} endorses it through an account other than "
        f"{facts.filer}.{told}",
        *(calls or [anew]),
    )


def _is_endorsement(opinion: Opinion) -> bool:
    return opinion.verdict is ReviewVerdict.ENDORSE or (
        opinion.verdict is ReviewVerdict.REFINE and opinion.applied
    )


def _why_not(facts: GateFacts, opinion: Opinion) -> str | None:
    """Return why an endorsement does not count, or None when it does."""
    if opinion.outdated:
        return "speaks of an older text and is not confirmed"
    if opinion.specialist == facts.agent:
        return "does not count, because that specialist reported the finding"
    if opinion.author == facts.filer:
        return f"does not count, because {facts.filer} filed the ticket"
    return None


RULE = Rule(
    RequirementName.ENDORSEMENT,
    "A current ENDORSE, or a REFINE whose amendment was applied, by a specialist other than "
    "the reporting one and recorded by an account other than the filer's.",
    of=(Resolution.FIXED,),
    judge=_judge,
    by_verdicts=True,
)
