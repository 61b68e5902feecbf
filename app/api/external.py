"""What others report of the tests of a ticket."""

from __future__ import annotations

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.paging import Page
from app.api.parameters import TicketKey
from app.api.payloads.external import ExternalResultsIn, ExternalResultsOut
from app.api.responses import JsonResponse, created
from app.api.routing import new_router
from app.api.security import Reader, Reporter

router = new_router("verification", "/tickets/{key}/external-results")


@router.post("", status_code=201, **answers(ExternalResultsOut, 201, 404))
async def report_results(
    actor: Reporter, services: Services, key: TicketKey, body: ExternalResultsIn
) -> JsonResponse:
    """Report how tests of a ticket ended elsewhere, such as in CI.

    Reported results are shown beside the evidence and are none: nobody here saw them, so they open
    no gate. The same source, commit and test again replace what was reported before; where the one
    passed and the other failed, the test is `flaky`, which its figures in the catalogue count.
    """
    found = await services.external.add(actor, key, body.origin(), body.tests())
    location = f"/api/v1/tickets/{key}/external-results"
    return created({"items": found, "next_cursor": None}, location)


@router.get("", **answers(ExternalResultsOut, 200, 404))
async def list_reported_results(
    _: Reader,
    services: Services,
    key: TicketKey,
    page: Page,
) -> JsonResponse:
    """List what others report of a ticket's tests, newest first; the newest 500 are kept."""
    found = await services.external.of_ticket(key, after=page.after_time, limit=page.enough)
    return page.answer(found, lambda one: (one.reported_at.isoformat(), str(one.id)))
