"""A commit is named."""

from __future__ import annotations

from app.domain.gate.rule import Judgement, Rule, not_applicable, satisfied, unmet
from app.domain.gate.waiver import lacks_waiver
from app.domain.gate_calls import settle
from app.domain.gate_facts import GateFacts, RequirementName
from app.domain.tickets import Resolution


def _judge(facts: GateFacts, resolution: Resolution) -> Judgement:
    if facts.commits:
        return satisfied(f"Named: {', '.join(facts.commits)}.")
    if facts.proven or (resolution is Resolution.FIXED and facts.evidence_applies):
        return not_applicable("Evidence decides; no commit is needed.")
    name = "commits" if resolution is Resolution.FIXED else "commits, or prove it by a run,"
    lacks = ""
    if facts.unknown_commits:
        told = ", ".join(facts.unknown_commits)
        lacks = f" The repository of its target has no commit {told}, which counts for nothing."
    return unmet(
        f"No commit is named. Give {name} with the transition.{lacks}",
        settle(facts.key, resolution, commits=True, waiver=lacks_waiver(facts, resolution)),
    )


RULE = Rule(
    RequirementName.COMMIT,
    "A commit is named. For `fixed` only where evidence is not applicable, and beside a "
    "waiver; for `already-fixed` it does in place of evidence.",
    of=(Resolution.FIXED, Resolution.ALREADY_FIXED),
    judge=_judge,
)
