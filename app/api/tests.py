"""The catalogue of tests, and the tests of a ticket."""

from __future__ import annotations

from dataclasses import asdict

from starlette.responses import Response

from app.api.dependencies import Services
from app.api.openapi import answers, text_answers
from app.api.paging import Page, total_body
from app.api.parameters import Count, LinkId, TargetQuery, TicketKey
from app.api.payloads.runs import CatalogueOut, LinkIn, SyncOut, test_body
from app.api.payloads.tickets import LinkedOut, LinksOut
from app.api.responses import JsonResponse, created
from app.api.routing import new_router
from app.api.security import Maintainer, Reader, Reporter, Reviewer
from app.domain.accounts import Role
from app.factory import Factory
from app.services.access import require
from app.services.catalogue import CatalogueService

router = new_router("verification")


def catalogue_of(services: Factory, target: str | None) -> CatalogueService:
    """Return the catalogue of a target; without a name that of the bundled one."""
    catalogues = services.catalogues
    return catalogues.first() if target is None else catalogues.of(target)


@router.get("/tests", **answers(CatalogueOut, 200, 404))
async def list_tests(
    _: Reader,
    services: Services,
    page: Page,
    count: Count = False,
    target: TargetQuery = None,
) -> JsonResponse:
    """List the tests of a target's suite, in its order."""
    catalogue = catalogue_of(services, target)
    found = await catalogue.tests(after=page.after(-1), limit=page.enough)
    total = total_body(*await catalogue.count()) if count else {}
    return page.answer(found, lambda one: one[:1], lambda one: test_body(one[1]), **total)


@router.post("/tests/sync", **answers(SyncOut, 200, 404))
async def sync_tests(
    actor: Maintainer, services: Services, target: TargetQuery = None
) -> JsonResponse:
    """Collect the suite of a target anew.

    Tests that are gone leave the catalogue, new ones come in, and markers link by themselves.
    """
    return JsonResponse(await catalogue_of(services, target).sync(actor))


@router.get("/tickets/{key}/tests", **answers(LinksOut, 200, 404))
async def list_linked_tests(_: Reader, services: Services, key: TicketKey) -> JsonResponse:
    """List the tests linked with a ticket."""
    return JsonResponse({"items": await services.links.of_ticket(key), "next_cursor": None})


@router.post("/tickets/{key}/tests", status_code=201, **answers(LinkedOut, 201, 404, 409))
async def link_test(
    actor: Reporter, services: Services, key: TicketKey, body: LinkIn
) -> JsonResponse:
    """Link a test of the suite with a ticket, or hand in a new one.

    A verification test asserts the *sound* behaviour: it fails while the defect is there and
    passes once it is gone. For "`scale` ignores its factor", assert `scale(2.0, 3.0) == 6.0`,
    not that it returns 2.0.

    `node_id` names a test, a file, a class or one parameter of the suite (reviewers). `source` and
    `filename` hand in a pytest file of your own (reviewers, and reporters on their own tickets); it
    is collected now, and collected and run in the whole cage only.
    """
    location = f"/api/v1/tickets/{key}/tests"
    if body.node_id is not None:
        require(actor, Role.REVIEWER)
        link = await services.links.add(
            actor, key, body.node_id, purpose=body.purpose, checklist_item=body.checklist_item
        )
        return created(link, location)
    done = await services.submissions.submit(
        actor,
        key,
        filename=body.filename or "",
        source=body.source or "",
        purpose=body.purpose,
    )
    first = asdict(done.links[0])
    return created({**first, "items": done.links, "warnings": done.warnings}, location)


@router.get(
    "/tickets/{key}/tests/{id}/source",
    **text_answers("text/x-python", "The file as it was handed in.", 404),
)
async def read_submitted_test(
    _: Reader, services: Services, key: TicketKey, link_id: LinkId
) -> Response:
    """Read the source of a submitted test."""
    file = await services.submissions.source(key, link_id)
    headers = {"Content-Disposition": f'inline; filename="{file.filename}"'}
    return Response(file.source, media_type="text/x-python; charset=utf-8", headers=headers)


@router.delete("/tickets/{key}/tests/{id}", status_code=204, **answers(None, 204, 404, 409))
async def unlink_test(
    actor: Reviewer, services: Services, key: TicketKey, link_id: LinkId
) -> Response:
    """Take a test off a ticket; a link that a marker made stays with its marker."""
    await services.links.remove(actor, key, link_id)
    return Response(status_code=204)
