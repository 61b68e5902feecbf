"""Saved views: the list of tickets with filters and an order, under a name."""

from __future__ import annotations

from uuid import UUID

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.payloads.views import ViewIn, ViewPatch
from app.api.views import ViewId
from app.web import filters
from app.web.forms import parse, sent
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.sorting import sorted_rows
from app.web.visitors import Reader

router = new_router()

PAGE = 50


@router.get("/views")
async def list_views(request: Request, visitor: Reader, services: Services) -> Response:
    """List the views that the visitor may see."""
    after = _uuid(request.query_params.get("after", ""))
    found = await services.views.page(visitor.actor, after=after, limit=PAGE + 1)
    more = f"/views?after={found[PAGE - 1].id}" if len(found) > PAGE else None
    rows, heads = sorted_rows(
        request,
        found[:PAGE],
        {"name": lambda view: view.name, "owner": lambda view: view.owner},
    )
    return page(request, "tickets/views.html", {"views": rows, "heads": heads, "next": more})


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@router.post("/views")
async def save_view(request: Request, visitor: Reader, services: Services) -> Response:
    """Save the list that is shown as a view."""
    given = await sent(request)
    wanted = filters.read(QueryParams(given.text("query")[:8000]))
    body = {"name": given.text("name"), "shared": given.text("shared") == "true", **wanted.body()}
    await services.views.save(visitor.actor, parse(ViewIn, body).draft())
    return see_other(wanted.address(), flash="view-saved")


@router.post("/views/{id}")
async def change_view(
    request: Request, visitor: Reader, services: Services, view_id: ViewId
) -> Response:
    """Rename a view, or share it or no longer."""
    given = await sent(request)
    body = {"name": given.text("name"), "shared": given.text("shared") == "true"}
    changes = parse(ViewPatch, body).changes()
    await services.views.change(visitor.actor, view_id, changes)
    return see_other("/views", flash="view-changed")


@router.post("/views/{id}/delete")
async def delete_view(visitor: Reader, services: Services, view_id: ViewId) -> Response:
    """Delete a view."""
    await services.views.remove(visitor.actor, view_id)
    return see_other("/views", flash="view-deleted")
