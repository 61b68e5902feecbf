"""The list of tickets."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.api.dependencies import CursorCodec, Services
from app.api.responses import begun
from app.domain import keys
from app.errors import InvalidInput, NotFound
from app.factory import Factory
from app.formats.csv import CsvRows
from app.services.exports import csv_row
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


@router.get("/tickets.csv")
async def export_csv(request: Request, _: Reader, services: Services) -> Response:
    """Give the list that is shown, whole and in its order, as CSV."""
    return await _file(
        _rows(services, filters.read(request.query_params)), CsvRows.media_type, "csv"
    )


@router.get("/tickets.jsonl")
async def export_lines(request: Request, visitor: Reader, services: Services) -> Response:
    """Give the tickets that are shown, with all that belongs to them, as lines of JSON."""
    lines = services.transfer.lines(visitor.actor, filters.read(request.query_params).filter)
    return await _file(lines, "application/x-ndjson", "jsonl")


@router.get("/tickets.zip")
async def export_documents(request: Request, _: Reader, services: Services) -> Response:
    """Give the tickets that are shown as Markdown documents in an archive."""
    documents = services.exports.markdown(filters.read(request.query_params).filter)
    return await _file(documents, "application/zip", "zip")


async def _file(pieces: AsyncGenerator[bytes], media_type: str, ending: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="tickets.{ending}"'}
    return StreamingResponse(await begun(pieces), media_type=media_type, headers=headers)


async def _rows(services: Factory, wanted: filters.Wanted) -> AsyncGenerator[bytes]:
    table = CsvRows(bom=True)
    opening, after = table.opening(), None
    while True:
        found = await services.tickets.page(wanted.filter, wanted.sort, after=after, limit=200)
        yield opening + b"".join(table.item(csv_row(ticket)) for ticket in found.items)
        opening, after = b"", found.next_position
        if after is None:
            return
