"""Saved views: filters and an order of the list of tickets under a name."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request
from starlette.responses import Response

from app.api.cursors import page_response, query_of
from app.api.dependencies import CursorCodec, Services
from app.api.openapi import answers
from app.api.parameters import Cursor, Limit
from app.api.payloads.views import ViewIn, ViewOut, ViewPageOut, ViewPatch, view_body
from app.api.responses import JsonResponse, created
from app.api.routing import new_router
from app.api.security import Reader
from app.errors import NotFound

router = new_router("views", "/views")


async def _view_id(
    id: Annotated[str, Path(description="The view's id.")],  # the path's word
) -> UUID:
    try:
        return UUID(id)
    except ValueError:
        raise NotFound(f"There is no view {id[:60]!r}.") from None


ViewId = Annotated[UUID, Depends(_view_id)]


@router.get("", **answers(ViewPageOut, 200))
async def list_views(
    request: Request,
    actor: Reader,
    services: Services,
    cursors: CursorCodec,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> JsonResponse:
    """List your views and those that others share, oldest first."""
    query = query_of(request)
    position = cursors.read(query, cursor)
    after = None if position is None else UUID(position[0])
    found = await services.views.page(actor, after=after, limit=limit + 1)
    more = cursors.make(query, (str(found[limit - 1].id),)) if len(found) > limit else None
    return page_response(request, {"items": list(map(view_body, found[:limit]))}, more)


@router.post("", status_code=201, **answers(ViewOut, 201, 409))
async def save_view(actor: Reader, services: Services, body: ViewIn) -> JsonResponse:
    """Save a view: filters and an order of the list of tickets under a name."""
    view = await services.views.save(actor, body.draft())
    return created(view_body(view), f"/api/v1/views/{view.id}")


@router.get("/{id}", **answers(ViewOut, 200, 404))
async def show_view(actor: Reader, services: Services, view_id: ViewId) -> JsonResponse:
    """Show a view."""
    return JsonResponse(view_body(await services.views.show(actor, view_id)))


@router.patch("/{id}", **answers(ViewOut, 200, 404, 409))
async def change_view(
    actor: Reader, services: Services, view_id: ViewId, body: ViewPatch
) -> JsonResponse:
    """Change a view of yours; a maintainer may change those that others share."""
    return JsonResponse(view_body(await services.views.change(actor, view_id, body.changes())))


@router.delete("/{id}", status_code=204, **answers(None, 204, 404))
async def delete_view(actor: Reader, services: Services, view_id: ViewId) -> Response:
    """Delete a view of yours; a maintainer may delete those that others share."""
    await services.views.remove(actor, view_id)
    return Response(status_code=204)
