"""Saved views: filters and an order of the list of tickets under a name."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from starlette.responses import Response

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.paging import Page, at_id
from app.api.parameters import id_of
from app.api.payloads.views import ViewIn, ViewOut, ViewPageOut, ViewPatch, view_body
from app.api.responses import JsonResponse, created
from app.api.routing import new_router
from app.api.security import Reader

router = new_router("views", "/views")


ViewId = Annotated[UUID, id_of("view")]


@router.get("", **answers(ViewPageOut, 200))
async def list_views(
    actor: Reader,
    services: Services,
    page: Page,
) -> JsonResponse:
    """List your views and those that others share, oldest first."""
    found = await services.views.page(actor, after=page.after_id, limit=page.enough)
    return page.answer(found, at_id, view_body)


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
