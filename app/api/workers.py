"""Worker processes."""

from __future__ import annotations

from fastapi import APIRouter

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.payloads.runs import WorkersOut
from app.api.requests import StrictRoute
from app.api.responses import JsonResponse
from app.api.security import Reader

router = APIRouter(tags=["verification"], route_class=StrictRoute)


@router.get("/workers", **answers(WorkersOut, 200))
async def list_workers(_: Reader, services: Services) -> JsonResponse:
    """List the worker processes: load, last sign of life, package, suite and environment."""
    return JsonResponse({"items": await services.worker_states.all(), "next_cursor": None})
