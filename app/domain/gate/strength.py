"""The tests notice mutants of what a grave ticket's fix touches."""

from __future__ import annotations

from dataclasses import replace

from app.domain.gate.rule import Judgement, Rule, not_applicable, satisfied, unmet
from app.domain.gate_calls import Call, guard_with_test, judge_mutant, trigger_run
from app.domain.gate_facts import GateFacts, RequirementName, RequirementState
from app.domain.strength import StrengthGate
from app.domain.tickets import Resolution


def _judge(facts: GateFacts, _: Resolution) -> Judgement:
    told, calls = _survivors(facts)
    if told is None:
        return satisfied(
            "The linked tests notice each mutant of the functions that the fix touches, or "
            "somebody has said why they need not."
        )
    if not facts.has_fix or not (facts.proven or facts.evidence_applies):
        return not_applicable(told)
    if facts.strength_gate is StrengthGate.REQUIRED:
        return unmet(told, *calls)
    return Judgement(
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


RULE = Rule(
    RequirementName.STRENGTH,
    "Of a ticket of severity P0 or P1 with a fix patch: no mutant of a function that the fix "
    "touches survives the linked tests without a verdict. By the setting "
    "`FINDINGS_STRENGTH_GATE` it is `required`, `advisory` (the default: what is not met is "
    "told as not applicable and keeps nothing open) or `off`.",
    of=(Resolution.FIXED,),
    judge=_judge,
    is_asked_for=lambda facts, _: facts.strength_gate is not StrengthGate.OFF,
)
