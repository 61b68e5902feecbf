"""The list of tickets."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.api.dependencies import CursorCodec, Services
from app.errors import InvalidInput
from app.factory import Factory
from app.formats.csv import CsvRows
from app.web import filters
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.visitors import Reader

router = new_router()
PAGE = 50


@router.get("/tickets")
async def list_tickets(
    request: Request, _: Reader, services: Services, cursors: CursorCodec
) -> Response:
    """List tickets, page by page."""
    wanted = filters.read(request.query_params)
    query = f"/tickets?{wanted.query}"
    try:
        after = cursors.read(query, request.query_params.get("cursor"))
    except InvalidInput:
        # A link of another list, or of an earlier installation: its first page is what helps.
        return see_other(wanted.address())
    found = await services.tickets.page(wanted.filter, wanted.sort, after=after, limit=PAGE)
    total, exact = await services.tickets.count(wanted.filter)
    position = found.next_position
    following = None if position is None else cursors.make(query, position)
    context = {
        "wanted": wanted,
        "filters": filters,
        "tickets": found.items,
        "total": total,
        "exact": exact,
        "first": after is None,
        "next": following and wanted.address(cursor=following),
        "specialists": await services.accounts.specialists(),
    }
    return page(request, "tickets/list.html", context)


@router.get("/tickets.csv")
async def export_tickets(request: Request, _: Reader, services: Services) -> Response:
    """Give the list that is shown, whole, as CSV."""
    wanted = filters.read(request.query_params)
    headers = {"Content-Disposition": 'attachment; filename="tickets.csv"'}
    return StreamingResponse(
        _rows(services, wanted), media_type=CsvRows.media_type, headers=headers
    )


async def _rows(services: Factory, wanted: filters.Wanted) -> AsyncIterator[bytes]:
    table = CsvRows(bom=True)
    yield table.opening()
    after = None
    while True:
        found = await services.tickets.page(wanted.filter, wanted.sort, after=after, limit=200)
        for ticket in found.items:
            yield table.item({**vars(ticket), "evidence": ticket.evidence["state"]})
        after = found.next_position
        if after is None:
            return
