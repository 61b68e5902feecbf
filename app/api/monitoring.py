"""Metrics for those who operate the service."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.security import Reader
from app.metrics import CONTENT_TYPE

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(_: Reader, services: Services) -> Response:
    """Answer with the metrics in Prometheus' text format; any valid token may read them."""
    readings = await services.monitoring.readings()
    text = services.metrics.render(readings, services.pool_state())
    return Response(text, media_type=CONTENT_TYPE)
