"""Whether the service lives and can serve, and its metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.responses import JsonResponse
from app.api.security import Reader
from app.errors import Unavailable
from app.metrics import CONTENT_TYPE

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> JsonResponse:
    """Answer that the process is alive."""
    return JsonResponse({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request, services: Services) -> JsonResponse:
    """Answer whether requests can be served now, those that write something too."""
    if not getattr(request.app.state, "ready", False):
        raise Unavailable("The service is starting.", headers={"Retry-After": "1"})
    await services.unit.require_room_to_write()
    problems = services.targets.problems()
    return JsonResponse({"status": "ready", **({"degraded": problems} if problems else {})})


@router.get("/metrics")
async def metrics(_: Reader, services: Services) -> Response:
    """Answer with the metrics in Prometheus' text format; any valid token may read them."""
    readings = await services.monitoring.readings()
    text = services.metrics.render(readings, services.pool_state())
    return Response(text, media_type=CONTENT_TYPE)
