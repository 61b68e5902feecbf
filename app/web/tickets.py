"""The list of tickets."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import CursorCodec, Services
from app.api.responses import file_answer
from app.domain import keys
from app.domain.exports import EXPORTS
from app.errors import InvalidInput, NotFound
from app.factory import Factory
from app.web import filters
from app.web.moves import steps_for
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.visitors import Reader

router = new_router()
PAGE = 50
_MOST_VIEWS = 30
"""So many saved views are offered beside the list; the others are on their own page."""


@router.get("/tickets")
async def list_tickets(
    request: Request, visitor: Reader, services: Services, cursors: CursorCodec
) -> Response:
    """List tickets, page by page."""
    wanted = filters.read(request.query_params)
    if (key := await _only_key(services, wanted)) is not None:
        return see_other(f"/tickets/{key}")
    query = f"/tickets?{wanted.query}"
    try:
        after = cursors.read(query, request.query_params.get("cursor"))
    except InvalidInput:
        # A link of another list, or of an earlier installation: its first page is what helps.
        return see_other(wanted.address())
    shown = sorted(parse_qsl(wanted.query))
    found = await services.tickets.page(wanted.filter, wanted.sort, after=after, limit=PAGE)
    total, exact = await services.tickets.count(wanted.filter)
    position = found.next_position
    following = None if position is None else cursors.make(query, position)
    context = {
        "wanted": wanted,
        "exports": EXPORTS.values(),
        "filters": filters,
        "tickets": found.items,
        "total": total,
        "exact": exact,
        "first": after is None,
        "next": following and wanted.address(cursor=following),
        "specialists": await services.accounts.specialists(),
        "steps": steps_for(visitor),
        "views": [
            (view, sorted(parse_qsl(view.query)) == shown)
            for view in await services.views.page(visitor.actor, after=None, limit=_MOST_VIEWS)
        ],
        "here": f"/tickets?{request.url.query}" if request.url.query else "/tickets",
    }
    return page(request, "tickets/list.html", context)


async def _only_key(services: Factory, wanted: filters.Wanted) -> str | None:
    """Return the key of the ticket that an address asks for, and for nothing else."""
    key = keys.canonical((wanted.filter.q or "").strip())
    if list(wanted.chosen) != ["q"] or not keys.is_key(key, allow_copy=True):
        return None
    try:
        return (await services.tickets.show(key)).key
    except NotFound:
        return None


@router.get("/tickets.{ending}")
async def export(request: Request, visitor: Reader, services: Services, ending: str) -> Response:
    """Give the list that is shown, whole and in its order, as a file."""
    for name, kind in EXPORTS.items():
        if kind.suffix == f".{ending}":
            wanted = filters.read(request.query_params)
            pieces = services.exports.file(visitor.actor, name, wanted.filter, order=wanted.sort)
            return await file_answer(pieces, kind, "tickets")
    raise NotFound(f"Lists of tickets are not exported as .{ending[:20]}.")
