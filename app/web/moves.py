"""The same step, or the same edit, for all the tickets that were chosen in a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.payloads.tickets import TicketPatch
from app.api.payloads.workflow import TransitionIn
from app.domain import keys, lifecycle
from app.errors import FieldError, FindingsError, InvalidInput, Unauthenticated
from app.factory import Factory
from app.services.transitions import MAX_BATCH, Outcome
from app.web.forms import Sent, parse, sent
from app.web.render import page
from app.web.routing import local_path, new_router
from app.web.visitors import Reporter, Visitor

router = new_router()


@router.post("/tickets/edits")
async def edit_tickets(request: Request, visitor: Reporter, services: Services) -> Response:
    """Set assignee, severity or domains of many tickets."""
    given = await sent(request)
    chosen = _chosen(given)
    body: dict[str, Any] = given.given("severity", "assignee")
    if given.text("domains"):
        body["domains"] = given.words("domains")
    if given.text("nobody"):
        body["assignee"] = None
    if not body:
        raise InvalidInput(FieldError("/assignee", "say what is to change: nothing is filled in"))
    changes = parse(TicketPatch, body).changes()
    outcomes = [await _edited(visitor, services, key, changes) for key in chosen]
    context = {
        "outcomes": outcomes,
        "taken": [outcome.key for outcome in outcomes if outcome.ticket is not None],
        "trial": False,
        "edited": True,
        "to": ", ".join(
            f"{name} {' '.join(value) if isinstance(value, list) else value or 'nobody'}"
            for name, value in body.items()
        ),
        "back": local_path(given.text("back") or "/tickets"),
    }
    return page(request, "tickets/moved.html", context)


async def _edited(
    visitor: Visitor, services: Factory, key: str, changes: Mapping[str, Any]
) -> Outcome:
    """Change a ticket on top of what it is now; each is a change of its own."""
    try:
        ticket = await services.tickets.show(key)
        edited = await services.documents.edit(visitor.actor, key, changes, ticket.etag)
        return Outcome(key, ticket=edited)
    except Unauthenticated:
        raise
    except FindingsError as error:
        return Outcome(key, error=error)


def _chosen(given: Sent) -> list[str]:
    """Return the keys of the tickets that were ticked.

    Raises:
        InvalidInput: there are none, or too many.
    """
    chosen = [
        key
        for key in map(keys.canonical, given.lists.get("key", []))
        if keys.is_key(key, allow_copy=True)
    ]
    if not chosen:
        raise InvalidInput(FieldError("/key", "no ticket is chosen; tick some in the list first"))
    if len(chosen) > MAX_BATCH:
        raise InvalidInput(FieldError("/key", f"choose {MAX_BATCH} tickets at the most"))
    return chosen


@router.post("/tickets/moves")
async def move_tickets(request: Request, visitor: Reporter, services: Services) -> Response:
    """Take a step with many tickets, or say what would come of it."""
    given = await sent(request)
    chosen = _chosen(given)
    trial = given.text("trial") == "true"
    wanted = parse(TransitionIn, _body(given)).transition()
    outcomes = await services.transitions.move_many(visitor.actor, chosen, wanted, dry_run=trial)
    context = {
        "outcomes": outcomes,
        "taken": [outcome.key for outcome in outcomes if outcome.ticket is not None],
        "trial": trial,
        "to": given.text("to"),
        "reason": given.text("reason"),
        "waiver": given.text("waiver"),
        "back": local_path(given.text("back") or "/tickets"),
    }
    return page(request, "tickets/moved.html", context)


def _body(given: Sent) -> dict[str, Any]:
    to, _, resolution = given.text("to").partition(":")
    body: dict[str, Any] = {"to": to} | given.given("reason")
    if resolution:
        body["resolution"] = resolution
    if resolution == "fixed" and given.text("waiver"):
        body["waiver"] = {"reason": given.text("waiver")}
    return body


def steps_for(visitor: Visitor) -> list[tuple[str, str]]:
    """Return the steps that a visitor may take with tickets of others, as (value, label).

    A duplicate is left out: each has an original of its own.
    """
    if not visitor.may("reviewer"):
        return []
    after = dict.fromkeys(
        step.after for step in lifecycle.STEPS if visitor.actor.role.includes(step.role)
    )
    return [
        (f"{status}:{resolution}", f"{status}: {resolution}" if resolution != status else status)
        if resolution
        else (str(status), str(status))
        for status in after
        for resolution in lifecycle.RESOLUTIONS.get(status, ("",))
        if resolution != "duplicate"
    ]
