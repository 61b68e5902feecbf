"""What each rule of the gate is: a requirement, when it is asked for, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.gate_calls import Call, judge
from app.domain.gate_facts import GateFacts, Requirement, RequirementName, RequirementState
from app.domain.tickets import Resolution


class Judgement(NamedTuple):
    """How a ticket stands to a requirement."""

    state: RequirementState
    explanation: str
    remedy: tuple[Call, ...] = ()
    """Calls that would meet it, to be made in this order."""
    advisory: bool = False
    """It is not met, and keeps nothing open."""


def satisfied(explanation: str) -> Judgement:
    """It is met."""
    return Judgement(RequirementState.SATISFIED, explanation)


def not_applicable(explanation: str) -> Judgement:
    """Nothing is asked of this ticket."""
    return Judgement(RequirementState.NOT_APPLICABLE, explanation)


def unmet(explanation: str, *calls: Call) -> Judgement:
    """It keeps the gate closed until `calls` are made."""
    return Judgement(RequirementState.UNSATISFIED, explanation, calls)


def _always(_: GateFacts, __: Resolution) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """A requirement of the gate."""

    name: RequirementName
    meaning: str
    """When it is met, in Markdown."""
    of: tuple[Resolution, ...]
    """The resolutions that have it."""
    judge: Callable[[GateFacts, Resolution], Judgement]
    is_asked_for: Callable[[GateFacts, Resolution], bool] = _always
    """Whether it is among the requirements at all."""
    by_verdicts: bool = False
    """It depends on verdicts, which may be hidden from the reader."""

    def requirement(self, facts: GateFacts, resolution: Resolution) -> Requirement:
        """Return how a ticket stands to it."""
        if not (self.by_verdicts and facts.hidden):
            return Requirement(self.name, *self.judge(facts, resolution))
        told = "Others' verdicts are kept from you until yours is in."
        return Requirement(self.name, *unmet(told, judge(facts.key, facts.missing)))
