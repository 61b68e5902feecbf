"""Bisections: ask for one, show, wait, cancel."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.parameters import RunId, TicketKey
from app.api.payloads.bisections import (
    BisectionIn,
    BisectionOut,
    BisectionsOut,
    bisection_body,
    bisection_summary,
)
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.run_streams import EVENT_STREAM, LastEventId, watch_run
from app.api.security import Reader, Reviewer

router = new_router("verification")


@router.post("/tickets/{key}/bisections", status_code=202, **answers(BisectionOut, 202, 404, 409))
async def start_bisection(
    actor: Reviewer, services: Services, key: TicketKey, body: BisectionIn
) -> JsonResponse:
    """Look for the commit that brought the defect in, or that fixed it.

    The linked tests of today run on revisions of the target between two ends, as few as halving
    needs. A revision counts as bad where they fail as they do at the bad end; what cannot be
    collected or fails otherwise is skipped. Tests that flip run as often as it takes. What is found
    stays on the ticket's evidence (`introduced_in`, `fixed_in`) until its tests change.
    """
    found = await services.bisections.start(actor, key, body.wanted)
    headers = {"Location": f"/api/v1/bisections/{found.id}"}
    return JsonResponse(bisection_body(found), 202, headers)


@router.get("/tickets/{key}/bisections", **answers(BisectionsOut, 200, 404))
async def list_bisections(_: Reader, services: Services, key: TicketKey) -> JsonResponse:
    """List the bisections of a ticket, the newest first."""
    found = await services.bisections.of_ticket(key)
    return JsonResponse({"items": [bisection_summary(one) for one in found]})


@router.get("/bisections/{id}", **answers(BisectionOut, 200, 404))
async def show_bisection(
    _: Reader,
    services: Services,
    run_id: RunId,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for it to end.")] = 0,
) -> JsonResponse:
    """Show a bisection with its steps; with `wait` as soon as it has ended."""
    if wait:
        return JsonResponse(bisection_body(await services.bisections.wait(run_id, wait)))
    return JsonResponse(bisection_body(await services.bisections.show(run_id)))


@router.get("/bisections/{id}/events", **EVENT_STREAM)
async def watch_bisection(
    reader: Reader, services: Services, run_id: RunId, last_event_id: LastEventId = None
) -> Response:
    """Watch a bisection as server-sent events: `status`, `step`, `left` (commits) and `end`."""
    await services.bisections.show(run_id)
    return await watch_run(reader, services, run_id, last_event_id)


@router.post("/bisections/{id}/cancel", **answers(BisectionOut, 200, 404, 409))
async def cancel_bisection(actor: Reviewer, services: Services, run_id: RunId) -> JsonResponse:
    """Cancel a bisection; the steps that it has taken stay."""
    return JsonResponse(bisection_body(await services.bisections.cancel(actor, run_id)))
