"""Worker processes."""

from __future__ import annotations

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.payloads.runs import WorkersOut
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.security import Reader

router = new_router("verification")


@router.get("/workers", **answers(WorkersOut, 200))
async def list_workers(_: Reader, services: Services) -> JsonResponse:
    """List the worker processes: load, last sign of life, package, suite and environment."""
    return JsonResponse({"items": await services.worker_states.all(), "next_cursor": None})
