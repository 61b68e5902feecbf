"""The page of work orders."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.domain import keys
from app.domain.work_orders import OrderStatus
from app.web.render import page
from app.web.routing import new_router
from app.web.sorting import sorted_rows
from app.web.visitors import Reader

router = new_router()

_MOST = 200


@router.get("/work-orders")
async def list_work_orders(request: Request, _: Reader, services: Services) -> Response:
    """List what is wanted, newest first; by `status` those that stand so."""
    asked = request.query_params.get("status", "")
    statuses = [status for status in OrderStatus if status == asked]
    found, heads = sorted_rows(
        request,
        await services.work_orders.page(statuses=statuses, limit=_MOST),
        {
            "wanted": lambda one: one.kind,
            "ticket": lambda one: keys.sort_key(one.ticket),
            "status": lambda one: one.status,
            "by": lambda one: one.claimed_by,
            "why": lambda one: one.reason,
            "placed": lambda one: one.created_at,
        },
    )
    context = {
        "orders": found,
        "heads": heads,
        "statuses": tuple(OrderStatus),
        "asked": asked,
        "most": _MOST,
    }
    return page(request, "work_orders.html", context)
