"""The same step along the workflow for all the tickets that were chosen in a list."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.payloads.workflow import TransitionIn
from app.domain import keys, lifecycle
from app.errors import FieldError, InvalidInput
from app.services.transitions import MAX_BATCH
from app.web.forms import Sent, parse, sent
from app.web.render import page
from app.web.routing import local_path, new_router
from app.web.visitors import Reporter, Visitor

router = new_router()


@router.post("/tickets/moves")
async def move_tickets(request: Request, visitor: Reporter, services: Services) -> Response:
    """Take a step with many tickets, or say what would come of it."""
    given = await sent(request)
    chosen = [
        key
        for key in map(keys.canonical, given.lists.get("key", []))
        if keys.is_key(key, allow_copy=True)
    ]
    if not chosen:
        raise InvalidInput(FieldError("/key", "no ticket is chosen; tick some in the list first"))
    if len(chosen) > MAX_BATCH:
        raise InvalidInput(FieldError("/key", f"choose {MAX_BATCH} tickets at the most"))
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
