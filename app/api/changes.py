"""What happens to tickets: for polling, and as server-sent events."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Header, Query, Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.paging import Page
from app.api.payloads.accounts import ChangesOut, event_body
from app.api.responses import STILL_HERE, JsonResponse, event_bytes, events_answer
from app.api.routing import new_router
from app.api.security import Reader, bearer_of
from app.domain.accounts import Actor
from app.domain.audit import START, EventId, parse_event_id
from app.errors import FieldError, FindingsError, InvalidInput
from app.services.sight import look_as

router = new_router("changes")

_CHECK_TOKEN_EVERY_S = 15.0
_NOW = "now"

Since = Annotated[
    str | None,
    Query(
        max_length=40,
        description="`id` of the last event seen, or `now`; left out: from the beginning.",
        examples=["1044-17"],
    ),
]
Mine = Annotated[
    bool,
    Query(description="Only tickets that you filed, are assigned to or have reviewed."),
]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=40,
        description="`id` of the last event seen; the stream goes on behind it.",
    ),
]
_EVENT_STREAM = {
    "responses": {
        200: {
            "description": "Server-sent events `change`; their data is an item of `/changes`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    }
}


@router.get("/changes", **answers(ChangesOut, 200))
async def list_changes(
    actor: Reader,
    services: Services,
    page: Page,
    since: Since = None,
    mine: Mine = False,
) -> JsonResponse:
    """List what happened to all tickets, in the order of commits.

    To poll, send `last` of one answer as `since` of the next: nothing is missed, also while long
    transactions run, because events are given only once nothing can come in between. A page with
    `mine` may be empty although there is more.
    """
    position = page.position
    after = _place(since, "since", "query") if position is None else EventId(*map(int, position))
    only = actor.account if mine else None
    found = await services.changes.page(after, limit=page.limit, mine=only)
    body = {"items": list(map(event_body, found.events)), "last": str(found.last)}
    return page.response(body, (str(found.last.xid), found.last.number) if found.more else None)


@router.get("/events", response_class=Response, **{**answers(None, 200), **_EVENT_STREAM})
async def follow_changes(
    request: Request,
    actor: Reader,
    services: Services,
    since: Since = _NOW,
    mine: Mine = False,
    last_event_id: LastEventId = None,
) -> Response:
    """Follow what happens to tickets as server-sent events.

    Without `Last-Event-ID` and `since` from now on. A client that comes back with the last id it
    saw misses nothing. The stream ends when the token is revoked.
    """
    if last_event_id is None:
        after = _place(since, "since", "query")
    else:
        after = _place(last_event_id, "Last-Event-ID", "header")
    stream = _as_server_sent(services, actor, bearer_of(request), after, mine=mine)
    return events_answer(stream)


async def _as_server_sent(
    services: Services, actor: Actor, secret: str, after: EventId | None, *, mine: bool
) -> AsyncGenerator[bytes]:
    checked = time.monotonic()
    yield b": open\n\n"
    try:
        async for event in services.changes.follow(after, mine=actor.account if mine else None):
            if time.monotonic() - checked > _CHECK_TOKEN_EVERY_S:
                look_as(await services.accounts.authenticate(secret, None))
                checked = time.monotonic()
            if event is None:
                yield STILL_HERE
            else:
                yield event_bytes("change", event_body(event), event.id)
    except FindingsError as error:
        # The status is sent long ago; the client comes back and is told by its next one.
        yield b": %b\n\n" % error.slug.encode()


def _place(text: str | None, name: str, location: str) -> EventId | None:
    """Return where to go on; None for now."""
    if text is None:
        return START
    if text == _NOW and location == "query":
        return None
    found = parse_event_id(text)
    if found is None:
        raise InvalidInput(
            FieldError(
                f"/{name}",
                f"{text!r} is no event's id; ids look like 1044-17",
                location=location,
            )
        )
    return found
