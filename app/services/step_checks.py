"""What a step of a ticket has to pass: the matrix, the role, its own fields, the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from app.domain import lifecycle
from app.domain.accounts import Actor, Role
from app.domain.gate_calls import Call, move
from app.domain.gate_facts import Requirement, RequirementName
from app.domain.gates import unmet, way_through
from app.domain.lifecycle import Transition
from app.domain.remedies import Caller, for_caller, requirement_for
from app.domain.tickets import Resolution, Status
from app.errors import (
    FieldError,
    Forbidden,
    GateUnmet,
    IllegalTransition,
    InvalidInput,
)
from app.services.access import describe
from app.storage.tickets.tickets import LockedTicket


def check_step(actor: Actor, ticket: LockedTicket, wanted: Transition, caller: Caller) -> None:
    """Check that the workflow has the step, and that the actor may take it.

    Raises:
        IllegalTransition: no such step leads on from the ticket's status.
        Forbidden: the step, or the override, needs a greater role.
    """
    step = lifecycle.step(ticket.status, wanted.to)
    if step is None:
        raise _no_step(ticket, wanted.to, caller)
    own = ticket.created_by == actor.account.id
    needed = lifecycle.needed_role(step, own=own, override=wanted.override)
    if not actor.role.includes(needed):
        what = "overriding the gate" if wanted.override else f"moving it to {wanted.to.value}"
        others = "" if own or needed is Role.MAINTAINER else ", as somebody else filed it"
        raise Forbidden(
            f"{ticket.key}: {what} needs the role {needed.value}{others}; you are "
            f"{describe(actor)}.",
            needs=needed.value,
            you=describe(actor),
        )


def _no_step(ticket: LockedTicket, to: Status, caller: Caller) -> IllegalTransition:
    allowed = [status.value for status in lifecycle.allowed_from(ticket.status)]
    way = [move(ticket.key, {"to": status.value}) for status in lifecycle.way(ticket.status, to)]
    steps = [replace(way[0], then=tuple(way[1:]))] if way else []
    already = "already " if ticket.status is to else ""
    return IllegalTransition(
        f"{ticket.key} is {already}{ticket.status.value}; from there it can become "
        f"{', '.join(allowed)}, not {to.value}.",
        remedies=[for_caller(step, caller) for step in steps],
        extra={"from": ticket.status.value, "allowed": allowed},
    )


def resolution_of(wanted: Transition) -> Resolution | None:
    """Return the resolution that a ticket gets by a step.

    Raises:
        InvalidInput: what goes with the step does not fit its status.
    """
    errors = []
    resolution = None
    try:
        resolution = lifecycle.resolution_for(wanted.to, wanted.resolution)
    except ValueError as error:
        errors.append(_bad_resolution(str(error), wanted.to))
    if wanted.duplicate_of is not None and wanted.resolution is not Resolution.DUPLICATE:
        errors.append(
            FieldError("/duplicate_of", 'duplicate_of goes with the resolution "duplicate" only')
        )
    if wanted.waiver is not None and wanted.resolution is not Resolution.FIXED:
        errors.append(FieldError("/waiver", 'a waiver goes with the resolution "fixed" only'))
    if wanted.override and not (wanted.reason or "").strip():
        errors.append(FieldError("/reason", "an override needs a reason, which is kept"))
    if errors:
        raise InvalidInput(*errors)
    return resolution


def _bad_resolution(detail: str, to: Status) -> FieldError:
    allowed = lifecycle.RESOLUTIONS.get(to, ())
    return FieldError("/resolution", detail, allowed=tuple(word.value for word in allowed))


def check_commits(key: str, commits: tuple[str, ...]) -> None:
    """Check how many commits a ticket would name.

    Raises:
        InvalidInput: they are too many.
    """
    if len(commits) > lifecycle.MAX_COMMITS:
        raise InvalidInput(
            FieldError(
                "/commits",
                f"{key} would name {len(commits)} commits; {lifecycle.MAX_COMMITS} is the most",
            )
        )


def pass_gate(
    key: str, wanted: Transition, gate: tuple[Requirement, ...], caller: Caller
) -> tuple[RequirementName, ...]:
    """Return the requirements that are overridden.

    Raises:
        GateUnmet: some are open, and no override came.
    """
    still_open = unmet(gate)
    if wanted.override or not still_open:
        return tuple(requirement.name for requirement in still_open)
    told = " ".join(f"{r.name.value}: {r.explanation}" for r in still_open)
    raise GateUnmet(
        f"{key} cannot become {wanted.to.value} yet. {told}",
        remedies=[for_caller(_completed(call, wanted), caller) for call in way_through(gate)],
        extra={"requirements": [requirement_for(item, caller).as_body() for item in gate]},
    )


def _completed(call: Call, wanted: Transition) -> Call:
    """Return a call that takes the refused one's place with all that was sent with that."""
    if not call.replaces or not isinstance(call.body, Mapping):
        return call
    sent = {
        name: value
        for name, value in asdict(wanted).items()
        if value not in (None, (), False) and name not in call.body
    }
    return replace(call, body={**call.body, **sent})
