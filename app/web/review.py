"""Reviewing one ticket after the other, from the visitor's queue."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote, urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.domain import keys as ticket_keys
from app.domain.tickets import Location, Ticket
from app.errors import FindingsError, NotFound, Unauthenticated
from app.factory import Factory
from app.web.forms import Refused, sent
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.ticket import arm_counts, choices, ticket_context
from app.web.ticket_forms import review_in
from app.web.visitors import Reviewer, Visitor

router = new_router()

AT_ONCE = (5, 10, 20, 40)
"""So many tickets may be taken on at once."""
LEASE_MINUTES = 60
_MOST_HANDED_IN = 5


@router.get("/review")
async def review_next(request: Request, visitor: Reviewer, services: Services) -> Response:
    """Show the ticket of the queue that is next, or the queue itself."""
    given = request.query_params
    order = _keys(given.get("keys", ""))
    if not order:
        return await _start(request, visitor, services)
    at, own = given.get("at", order[0]), visitor.actor.account.speaks_for
    specialist = given.get("as") or (own[0] if len(own) == 1 else "")
    return await _one(request, visitor, services, specialist, order, at)


async def _start(request: Request, visitor: Visitor, services: Factory) -> Response:
    specialists = await services.accounts.specialists()
    mine = [s for s in specialists if visitor.actor.account.may_speak_for(s.name)]
    own = visitor.actor.account.speaks_for
    mine.sort(key=lambda specialist: specialist.name not in own)
    queues = []
    for specialist in mine:
        found = await services.queue.page(visitor.actor, specialist.name, after=None, limit=51)
        held = [queued.ticket.key for _, queued in found if queued.lease_expires_at is not None]
        queues.append((specialist, [queued.ticket for _, queued in found], held))
    return page(request, "review/start.html", {"queues": queues, "at_once": AT_ONCE})


@router.post("/review/claim")
async def claim(request: Request, visitor: Reviewer, services: Services) -> Response:
    """Take the next tickets on, or go on with those that are held, ordered by their files."""
    given = await sent(request)
    specialist = given.text("as") or None
    count = min(max(given.number("count") or AT_ONCE[1], 1), AT_ONCE[-1])
    if held := _keys(given.text("keys")):
        name, leased = await services.queue.claim_named(
            visitor.actor, specialist, held, minutes=LEASE_MINUTES
        )
    else:
        name, leased = await services.queue.claim(
            visitor.actor, specialist, count=count, minutes=LEASE_MINUTES
        )
    if not leased:
        return see_other("/review", flash="queue-empty")
    tickets = sorted((item.ticket for item in leased), key=_place)
    return see_other(_address(name, [ticket.key for ticket in tickets]))


def _place(ticket: Ticket) -> tuple[str, int, str]:
    first = ticket.locations[0] if ticket.locations else None
    path = (first.path if first is not None else None) or "\uffff"
    line = (first.start_line if first is not None else None) or 0
    return path, line, ticket.key


@router.post("/review/keep")
async def keep(request: Request, visitor: Reviewer, services: Services) -> Response:
    """Keep the visitor's tickets for another hour; the page calls it while it is open."""
    given = await sent(request)
    await services.queue.claim_named(
        visitor.actor, given.text("as") or None, _keys(given.text("keys")), minutes=LEASE_MINUTES
    )
    return Response(status_code=204)


@router.post("/review/release")
async def release(request: Request, visitor: Reviewer, services: Services) -> Response:
    """Give the tickets back that the visitor holds."""
    given = await sent(request)
    await services.queue.release(visitor.actor, given.text("as") or None, None)
    return see_other("/review", flash="released")


@router.get("/review/{key}")
async def review_one(_: Reviewer, key: str) -> Response:
    """Lead to the review of one ticket, for whoever opens the address that its form is sent to."""
    return see_other(f"/review?{urlencode({'keys': key})}")


@router.post("/review/{key}")
async def save(request: Request, visitor: Reviewer, services: Services, key: str) -> Response:
    """Record the review of one ticket and go on to the next."""
    given = await sent(request)
    order, specialist = _keys(given.text("keys")), given.text("specialist")
    try:
        await services.reviews.record(visitor.actor, key, review_in(given).draft())
    except Unauthenticated:
        raise
    except FindingsError as error:
        refused = Refused("review", given.values, error)
        return await _one(request, visitor, services, specialist, order or [key], key, refused)
    following = _after(order, key)
    if following is None:
        return see_other("/review", flash="reviewed")
    return see_other(_address(specialist, order, following), flash="reviewed")


async def _one(
    request: Request,
    visitor: Visitor,
    services: Factory,
    specialist: str,
    order: list[str],
    at: str,
    refused: Refused | None = None,
) -> Response:
    view = await services.ticket_views.show(at)
    offered = choices(visitor, view)
    if specialist in offered["speaks_as"]:
        offered["speaks_as"] = [specialist]
    elif offered["speaks_as"] and refused is None:
        # The ticket's own form asks whose review it is: not that of the first in a list.
        return see_other(f"/tickets/{quote(at)}#rationale")
    position = order.index(at) if at in order else 0
    following, before = _after(order, at), order[position - 1] if position else None
    named = _lines_now(view.ticket)
    sources = {one.location: one for one in await services.source.of_places(named)}
    told = ticket_context(view, services)
    node_ids = [link.node_id for link in view.ticket.tests if link.origin != "submitted"]
    context = {
        **told,
        **offered,
        "arms": [] if view.run is None else arm_counts(view.run, told["results"]),
        "places": [
            (place, source.excerpt, source.reason)
            for place in named
            if (source := sources.get(place.id)) is not None
        ],
        "test_sources": await services.source.of_tests(view.ticket.target, node_ids),
        "handed_in": await _handed_in(services, view.ticket),
        "as_": specialist,
        "order": order,
        "position": position,
        "skip": following and _address(specialist, order, following),
        "back": before and _address(specialist, order, before),
        "given": [r for r in view.ticket.reviews if r.specialist == specialist],
        "refused": refused,
        "values": {} if refused is None else refused.values,
        "review_address": f"/review/{at}",
        "review_button": "Save and next" if following else "Save and finish",
        "hidden": {"keys": " ".join(order)},
    }
    status = 200 if refused is None else refused.problem.status
    return page(request, "review/one.html", context, status)


def _lines_now(ticket: Ticket) -> list[Location]:
    """Return the locations that name lines, where these are today."""
    now = {one.location: one for one in ticket.relocated if one.path and one.start_line}
    found = [
        place
        if (moved := now.get(place.id or "")) is None
        else replace(place, path=moved.path, start_line=moved.start_line, end_line=moved.end_line)
        for place in ticket.locations
    ]
    return [place for place in found if place.path and place.start_line]


async def _handed_in(services: Factory, ticket: Ticket) -> dict[UUID, str]:
    """Return the source of the tests that clients handed in, by link."""
    submitted = [link.id for link in ticket.tests if link.origin == "submitted"][:_MOST_HANDED_IN]
    found = {}
    for link_id in submitted:
        try:
            found[link_id] = (await services.submissions.source(ticket.key, link_id)).source
        except NotFound:
            continue
    return found


def _after(order: list[str], key: str) -> str | None:
    position = order.index(key) + 1 if key in order else len(order)
    return order[position] if position < len(order) else None


def _keys(text: str) -> list[str]:
    named = map(ticket_keys.canonical, text.split())
    found = [key for key in named if ticket_keys.is_key(key, allow_copy=True)]
    return list(dict.fromkeys(found))[:50]


def _address(specialist: str, order: list[str], at: str | None = None) -> str:
    query = {"as": specialist, "keys": " ".join(order)} | ({"at": at} if at else {})
    return f"/review?{urlencode(query, quote_via=quote)}"
