"""How each requirement of a gate is judged; one function per requirement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from app.domain.evidence import sentence
from app.domain.gate_calls import (
    Call,
    answer_objection,
    confirm_review,
    endorse,
    guard_with_test,
    judge,
    judge_mutant,
    object_to,
    prove,
    relate_duplicate,
    settle,
    trigger_run,
)
from app.domain.gate_facts import (
    GateFacts,
    Opinion,
    Requirement,
    RequirementName,
    RequirementState,
)
from app.domain.reviews import Answer, ClaimOpinion, ReviewVerdict
from app.domain.strength import StrengthGate
from app.domain.tickets import Resolution


def _evidence(facts: GateFacts, resolution: Resolution) -> Requirement:
    known = sentence(facts.evidence, stale=facts.stale, by=facts.shown_by)
    if facts.proven:
        return _satisfied(RequirementName.EVIDENCE, known)
    if not facts.evidence_applies:
        why = known if facts.testable else "A reviewer said that this cannot be tested."
        waived = resolution is Resolution.FIXED
        instead = "A commit and a waiver are" if waived else "A commit is"
        return _not_applicable(RequirementName.EVIDENCE, f"{why} {instead} required instead.")
    if resolution is Resolution.ALREADY_FIXED and facts.commits:
        return _not_applicable(RequirementName.EVIDENCE, f"{known} A commit is named instead.")
    advice, calls = prove(facts.key, facts.evidence, stale=facts.stale, proof_by=facts.proof_by)
    return _open(RequirementName.EVIDENCE, f"{known} {advice}", *calls)


def _commit(facts: GateFacts, resolution: Resolution) -> Requirement:
    if facts.commits:
        return _satisfied(RequirementName.COMMIT, f"Named: {', '.join(facts.commits)}.")
    if facts.proven or (resolution is Resolution.FIXED and facts.evidence_applies):
        return _not_applicable(RequirementName.COMMIT, "Evidence decides; no commit is needed.")
    name = "commits" if resolution is Resolution.FIXED else "commits, or prove it by a run,"
    lacks = ""
    if facts.unknown_commits:
        told = ", ".join(facts.unknown_commits)
        lacks = f" The repository of its target has no commit {told}, which counts for nothing."
    return _open(
        RequirementName.COMMIT,
        f"No commit is named. Give {name} with the transition.{lacks}",
        settle(facts.key, resolution, commits=True, waiver=lacks_waiver(facts, resolution)),
    )


def lacks_waiver(facts: GateFacts, resolution: Resolution) -> bool:
    """Tell whether a waiver is asked for, and not given."""
    return asks_for_waiver(facts, resolution) and not (facts.waiver or "").strip()


def asks_for_waiver(facts: GateFacts, resolution: Resolution) -> bool:
    """Tell whether a ticket can be settled only by a waiver: as fixed, and no run can show it."""
    return resolution is Resolution.FIXED and not facts.proven and not facts.evidence_applies


def _waiver(facts: GateFacts, resolution: Resolution) -> Requirement:
    if not lacks_waiver(facts, resolution):
        return _satisfied(
            RequirementName.WAIVER, f"A maintainer waived the evidence: {facts.waiver}"
        )
    return _open(
        RequirementName.WAIVER,
        "No run can show the fix, and a commit alone does not. A maintainer gives a waiver with "
        "the transition and says why; the ticket is then listed as closed without evidence.",
        settle(facts.key, resolution, commits=not facts.commits, waiver=True),
    )


def _strength(facts: GateFacts, _: Resolution) -> Requirement:
    told, calls = _survivors(facts)
    if told is None:
        return _satisfied(
            RequirementName.STRENGTH,
            "The linked tests notice each mutant of the functions that the fix touches, or "
            "somebody has said why they need not.",
        )
    if not facts.has_fix or not (facts.proven or facts.evidence_applies):
        return _not_applicable(RequirementName.STRENGTH, told)
    if facts.strength_gate is StrengthGate.REQUIRED:
        return _open(RequirementName.STRENGTH, told, *calls)
    return Requirement(
        RequirementName.STRENGTH,
        RequirementState.NOT_APPLICABLE,
        f"Advisory, and keeps nothing open: {told[0].lower()}{told[1:]}",
        calls,
        advisory=True,
    )


def _survivors(facts: GateFacts) -> tuple[str | None, tuple[Call, ...]]:
    """Return what is amiss with the strength of a ticket's tests, and what mends it."""
    if not (facts.proven or facts.evidence_applies):
        return "No run can show the fix, so none can tell what the tests would miss.", ()
    if not facts.has_fix:
        return "The ticket has no fix patch that applies: there is no function that it touches.", ()
    if not facts.proven:
        return "The strength of the tests is measured once the evidence is proven.", ()
    measure = trigger_run(facts.key, "strength")
    found = facts.strength
    if found is None:
        return (
            "The strength of the tests is not known for this fix, with the package and the tests "
            "of now. Measure it.",
            (measure,),
        )
    if found.unexplained:
        many = found.unexplained > 1
        return (
            f"{found.unexplained} mutant{'s' if many else ''} of functions that the fix touches "
            f"survive{'' if many else 's'} the linked tests, and nobody has said why: GET "
            f"/api/v1/runs/{found.run}/mutants?outcome=survived shows {'them' if many else 'it'}. "
            "Write a test that notices, or say why none is needed.",
            (
                replace(
                    guard_with_test(facts.key),
                    then=(trigger_run(facts.key, "proof"), measure),
                    any_of=(judge_mutant(),),
                ),
            ),
        )
    if found.not_run:
        return (
            f"The budget was spent before {found.not_run} of the mutants of functions that the fix "
            "touches were run. Measure again: what is known is not run anew.",
            (measure,),
        )
    return None, ()


def _endorsement(facts: GateFacts, _: Resolution) -> Requirement:
    wrong = []
    for opinion in facts.opinions:
        if not _is_endorsement(opinion):
            continue
        reason = _why_not(facts, opinion)
        if reason is None:
            what = "endorses" if opinion.verdict is ReviewVerdict.ENDORSE else "refined"
            return _satisfied(
                RequirementName.ENDORSEMENT,
                f"{opinion.specialist} {what} it, recorded by {opinion.author}.",
            )
        wrong.append((opinion, reason))
    told = "".join(f" The {o.verdict.value} of {o.specialist} {why}." for o, why in wrong)
    anew = endorse(facts.key, _other_specialists(facts), facts.filer)
    calls = [
        replace(confirm_review(facts.key, opinion.id, opinion.author), any_of=(anew,))
        for opinion, _reason in wrong
        if opinion.outdated and _why_not(facts, replace(opinion, outdated=False)) is None
    ][:1]
    return _open(
        RequirementName.ENDORSEMENT,
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


def _other_specialists(facts: GateFacts) -> tuple[str, ...]:
    """Return as whom a further review counts: first those that have not spoken yet."""
    spoken = (opinion.specialist for opinion in facts.opinions)
    return tuple(name for name in (*facts.missing, *spoken) if name != facts.agent)


def _objections(facts: GateFacts, _: Resolution) -> Requirement:
    against = [o for o in facts.opinions if o.verdict is ReviewVerdict.OBJECT and o.answer is None]
    if not against:
        return _satisfied(RequirementName.OBJECTIONS, "No objection is open.")
    who = ", ".join(o.specialist for o in against)
    return _open(
        RequirementName.OBJECTIONS,
        f"Open: OBJECT of {who}. Its author withdraws it, or a maintainer accepts or overrules it.",
        *(answer_objection(facts.key, o.id, o.author) for o in against),
    )


def _reason(facts: GateFacts, resolution: Resolution) -> Requirement:
    if facts.reason is not None and facts.reason.strip():
        return _satisfied(RequirementName.REASON, "A reason is given.")
    return _open(
        RequirementName.REASON,
        "Give a reason with the transition.",
        settle(facts.key, resolution, reason=True),
    )


def _refutation(facts: GateFacts, _: Resolution) -> Requirement:
    lost = (Answer.WITHDRAWN, Answer.OVERRULED)
    for opinion in facts.opinions:
        if opinion.outdated:
            continue
        if opinion.claim is ClaimOpinion.FALSE:
            return _satisfied(
                RequirementName.REFUTATION, f'{opinion.specialist} says the claim is "false".'
            )
        if opinion.verdict is ReviewVerdict.OBJECT and opinion.answer not in lost:
            return _satisfied(RequirementName.REFUTATION, f"{opinion.specialist} objects.")
    return _open(
        RequirementName.REFUTATION,
        'No current review says OBJECT or that the claim is "false".',
        object_to(facts.key, _other_specialists(facts)),
    )


def _relation(facts: GateFacts, _: Resolution) -> Requirement:
    if facts.duplicate_of:
        return _satisfied(RequirementName.RELATION, f"It repeats {', '.join(facts.duplicate_of)}.")
    return _open(
        RequirementName.RELATION,
        "No duplicate-of relation names the ticket that says the same. Give duplicate_of with "
        "the transition, or add the relation.",
        relate_duplicate(facts.key),
    )


def hidden(facts: GateFacts, name: RequirementName) -> Requirement:
    """Return a requirement that depends on verdicts which are kept from the reader."""
    return _open(
        name,
        "Others' verdicts are kept from you until yours is in.",
        judge(facts.key, facts.missing),
    )


BY_VERDICTS = (
    RequirementName.ENDORSEMENT,
    RequirementName.OBJECTIONS,
    RequirementName.REFUTATION,
)
"""What depends on verdicts."""

RULES: Mapping[RequirementName, Callable[[GateFacts, Resolution], Requirement]] = {
    RequirementName.EVIDENCE: _evidence,
    RequirementName.ENDORSEMENT: _endorsement,
    RequirementName.OBJECTIONS: _objections,
    RequirementName.COMMIT: _commit,
    RequirementName.REASON: _reason,
    RequirementName.REFUTATION: _refutation,
    RequirementName.RELATION: _relation,
    RequirementName.WAIVER: _waiver,
    RequirementName.STRENGTH: _strength,
}
"""How each requirement is judged."""


def _satisfied(name: RequirementName, explanation: str) -> Requirement:
    return Requirement(name, RequirementState.SATISFIED, explanation)


def _not_applicable(name: RequirementName, explanation: str) -> Requirement:
    return Requirement(name, RequirementState.NOT_APPLICABLE, explanation)


def _open(name: RequirementName, explanation: str, *calls: Call) -> Requirement:
    return Requirement(name, RequirementState.UNSATISFIED, explanation, calls)
