"""The page of reviewers: how often they were right before anything was run."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.domain.calibration import ENOUGH, CalibrationBy
from app.web.render import page
from app.web.routing import new_router
from app.web.sorting import sorted_rows
from app.web.visitors import Reader

router = new_router()


@router.get("/reviewers")
async def list_reviewers(request: Request, _: Reader, services: Services) -> Response:
    """Show how often each was right, `by` specialist, account, model or domain."""
    asked = request.query_params.get("by", "")
    by = next((one for one in CalibrationBy if one == asked), CalibrationBy.SPECIALIST)
    rows, heads = sorted_rows(
        request,
        await services.calibration.table(by),
        {
            "who": lambda row: row.who,
            "right": lambda row: row.right,
            "wrong": lambda row: row.wrong,
            "abstained": lambda row: row.abstained,
            "share": lambda row: None if row.low is None else row.right / row.n,
        },
    )
    context = {
        "by": by,
        "ways": tuple(CalibrationBy),
        "rows": rows,
        "heads": heads,
        "enough": ENOUGH,
    }
    return page(request, "reviewers.html", context)
