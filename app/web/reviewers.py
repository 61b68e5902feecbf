"""The page of reviewers: how often they were right before anything was run."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.domain.calibration import ENOUGH, CalibrationBy
from app.web.render import page
from app.web.routing import new_router
from app.web.visitors import Reader

router = new_router()


@router.get("/reviewers")
async def list_reviewers(request: Request, _: Reader, services: Services) -> Response:
    """Show how often each was right, `by` specialist, account, model or domain."""
    asked = request.query_params.get("by", "")
    by = next((one for one in CalibrationBy if one == asked), CalibrationBy.SPECIALIST)
    context = {
        "by": by,
        "ways": tuple(CalibrationBy),
        "rows": await services.calibration.table(by),
        "enough": ENOUGH,
    }
    return page(request, "reviewers.html", context)
