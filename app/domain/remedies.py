"""Remedies as one caller reads them: the calls that it may make, or who may make them.

Of calls of which one is enough (`Call.any_of`) those that the caller may make stay; where it may
make none, all stay, each with who may.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from app.domain.accounts import Account, Role
from app.domain.gate_calls import Call
from app.domain.gate_facts import GateFacts, Requirement, facts_of
from app.domain.gates import evaluate
from app.domain.tickets import Resolution, Status, Ticket

ROLES: Mapping[str, Role] = {
    "addRelation": Role.REPORTER,
    "answerReview": Role.REVIEWER,
    "confirmReview": Role.REVIEWER,
    "createAccount": Role.ADMIN,
    "editTicket": Role.MAINTAINER,
    "judgeMutant": Role.REVIEWER,
    "linkTest": Role.REVIEWER,
    "listRuns": Role.READER,
    "putPatch": Role.MAINTAINER,
    "recordReview": Role.REVIEWER,
    "transitionTicket": Role.REVIEWER,
    "triggerRun": Role.REVIEWER,
}
"""Who may make the calls of remedies, on any ticket and on any machine."""

_OWN = Role.REPORTER
"""What suffices on one's own open ticket, for the calls that are open to its filer."""


@dataclass(frozen=True)
class Caller:
    """Who reads a remedy."""

    account: Account
    owns: bool = False
    """It filed the ticket, and the ticket is open."""
    strict: bool = False
    """The cage is strict here, so that code of more people than maintainers is taken."""

    def may(self, role: Role) -> bool:
        """Tell whether its role includes `role`."""
        return self.account.role.includes(role)


def gate_for(ticket: Ticket, caller: Caller) -> Sequence[Mapping[str, Any]]:
    """Return the gate that is shown with a ticket, as the API shows it to `caller`."""
    return _gate_for(facts_of(ticket), ticket.resolution or Resolution.FIXED, caller)


@lru_cache(maxsize=1024)
def _gate_for(
    facts: GateFacts, resolution: Resolution, caller: Caller
) -> tuple[dict[str, Any], ...]:
    # Kept for tickets that are read again and again: telling costs as much as all else of them.
    gate = evaluate(facts, resolution)
    return tuple(requirement_for(requirement, caller).as_body() for requirement in gate)


def requirement_for(requirement: Requirement, caller: Caller) -> Requirement:
    """Return a requirement with its remedies as `caller` reads them."""
    if not requirement.remedy:
        return requirement
    return replace(
        requirement, remedy=tuple(for_caller(call, caller) for call in requirement.remedy)
    )


def for_caller(call: Call, caller: Caller) -> Call:
    """Return a call with who may make it, where that is not the caller."""
    named = _spoken(call, caller)
    first = replace(
        named,
        needs=who_else(named, caller),
        then=tuple(for_caller(step, caller) for step in call.then),
        any_of=(),
    )
    if not call.any_of:
        return first
    ways = (first, *(for_caller(way, caller) for way in call.any_of))
    possible = tuple(way for way in ways if way.needs is None) or ways
    return replace(possible[0], any_of=possible[1:])


def who_else(call: Call, caller: Caller) -> str | None:
    """Return who may make a call that `caller` may not: a role, a specialist or an account."""
    if call.only_as:
        return None if caller.account.name in call.only_as else " or ".join(call.only_as)
    if isinstance(call.body, Mapping) and "source" in call.body and not caller.strict:
        return "a machine where every layer of isolation works"
    role = _role(call, caller)
    if not caller.may(role):
        return role.value
    if caller.account.name in call.not_as:
        return f"an account other than {' and '.join(call.not_as)}"
    specialist = _specialist(call.body)
    if specialist is not None and not caller.account.may_speak_for(specialist):
        return specialist
    return None


def _role(call: Call, caller: Caller) -> Role:
    """Return the least role that suffices for a call, on this ticket for this caller."""
    body = call.body if isinstance(call.body, Mapping) else {}
    match call.operation:
        case "editTicket" if caller.owns:
            return _OWN
        case "putPatch" if caller.strict:
            return _OWN if caller.owns else Role.REVIEWER
        case "linkTest" if "source" in body and caller.owns:
            return _OWN
        case "transitionTicket" if Status(body["to"]).is_final:
            return Role.MAINTAINER
        case "transitionTicket" if caller.owns:
            return _OWN
        case "answerReview" if body.get("resolution") != "withdrawn":
            return Role.MAINTAINER
    return ROLES[call.operation]


def _spoken(call: Call, caller: Caller) -> Call:
    """Return a review's call as a specialist that the caller speaks for, where that counts."""
    if not isinstance(call.body, Mapping):
        return call
    mine = [name for name in call.specialists if caller.account.may_speak_for(name)]
    if not mine or call.body.get("specialist") in mine:
        return call
    return replace(call, body={**call.body, "specialist": mine[0]})


def _specialist(body: Any) -> str | None:
    name = body.get("specialist") if isinstance(body, Mapping) else None
    return None if name is None or name.startswith("<") else str(name)
