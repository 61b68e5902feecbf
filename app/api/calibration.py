"""How often reviewers were right before anything was run."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.payloads.calibration import CalibrationOut
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.security import Reader
from app.domain.calibration import ENOUGH, CalibrationBy

router = new_router("figures")


@router.get("/calibration", **answers(CalibrationOut, 200))
async def show_calibration(
    _: Reader,
    services: Services,
    by: Annotated[
        CalibrationBy, Query(description="Whose verdicts are counted together.")
    ] = CalibrationBy.SPECIALIST,
) -> JsonResponse:
    """Show how often reviewers were right before anything was run.

    The last verdict of each specialist on a ticket from before the first run that decided its
    evidence was asked for is set against what runs have shown since. They show a claim true where
    they found the defect in the package (`reproduced`, `fix-ready`, `regressed`) or proved the
    ticket (`proven`), and false where a proved ticket was closed as `not-a-bug`. What they
    contradict each other on is left out. A verdict holds a claim true or false by its `claim`, or
    else by the verdict; others abstain. `low` and `high` bound the share of `right` in `n`, the
    verdicts that were right or wrong, by Wilson's interval at 95 %; they are null while `n` is
    below ten: too few to say. No gate weighs a verdict by this.
    """
    return JsonResponse(
        {
            "by": by,
            "enough": ENOUGH,
            "items": await services.calibration.table(by),
            "next_cursor": None,
        }
    )
