"""Whether the service lives, and whether it can serve."""

from __future__ import annotations

from fastapi import APIRouter, Request

from app.api.dependencies import Services
from app.api.responses import JsonResponse
from app.errors import Unavailable

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
