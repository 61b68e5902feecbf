"""What somebody else does to a ticket while its page is open, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.parameters import TicketKey
from app.api.responses import STILL_HERE, event_bytes, events_answer
from app.factory import Factory
from app.web import words
from app.web.routing import new_router
from app.web.visitors import Reader, Visitor

router = new_router()


@router.get("/tickets/{key}/changes")
async def follow_ticket(
    request: Request, visitor: Reader, services: Services, key: TicketKey
) -> Response:
    """Tell who did what, from the event behind ``after`` on; what the visitor does is left out."""
    ticket = await services.tickets.show(key)
    given = request.headers.get("last-event-id") or request.query_params.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
    stream = _events(visitor, services, ticket.key, after)
    return events_answer(stream)


async def _events(
    visitor: Visitor, services: Factory, key: str, after: int
) -> AsyncGenerator[bytes]:
    yield b": open\n\n"
    async for event in services.changes.follow_ticket(key, after):
        if event is None:
            yield STILL_HERE
        elif event.actor not in (visitor.actor.name, None):
            number = event.id.number
            told = {"number": number, "who": event.actor, "did": words.action(event.action)}
            yield event_bytes("change", told, number)
