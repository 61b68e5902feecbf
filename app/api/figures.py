"""What the tickets add up to, the domains they name, and the skeleton of a ticket."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.payloads.fields import Digits
from app.api.payloads.figures import DomainsOut, FiguresOut, TemplateBody, figures_body
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.security import Reader
from app.domain.document import SKELETON
from app.domain.tickets import Severity
from app.formats.markdown.write import template

router = new_router("figures")
_SEVERITIES = {word.value: word.meaning for word in Severity}


@router.get("/stats", **answers(FiguresOut, 200))
async def show_stats(
    _: Reader,
    services: Services,
    weeks: Annotated[
        int, Digits, Query(ge=1, le=104, description="So many weeks, back from now.")
    ] = 26,
) -> JsonResponse:
    """Show figures by severity, status, evidence, specialist and week.

    Tickets of domains that a target covers and others are also counted apart: what cannot be run
    is not held against anybody. `contradicted` lists current reviews whose opinion of the claim
    did not stand. A claim counts as confirmed when a run reproduced it on the bundled package
    or its ticket was closed as `fixed`, and as refuted when it was closed as `not-a-bug`; with
    both or neither it is left out. With so many tickets that counting takes long the figures may be
    a minute old.
    """
    return JsonResponse(figures_body(await services.figures.show(weeks=weeks)))


@router.get("/domains", **answers(DomainsOut, 200))
async def list_domains(_: Reader, services: Services) -> JsonResponse:
    """List the domains that tickets name or a target covers, by name.

    Beyond the 1000 that most tickets name, the others are left out. With so many tickets that
    counting takes long the numbers may be a minute old.
    """
    return JsonResponse({"items": await services.figures.domains(), "next_cursor": None})


@router.get("/template", **answers(TemplateBody, 200, text="text/markdown"))
async def show_template(
    _: Reader,
    format: Annotated[  # the contract's word
        Literal["json", "markdown"] | None,
        Query(description="One of them alone; left out, a JSON object with both."),
    ] = None,
) -> Response:
    """Show the skeleton of a ticket, with the meaning of P0 to P4.

    The JSON skeleton is accepted by `POST /tickets` as it stands, and the Markdown one is a
    document in the format of imports and exports.
    """
    match format:
        case "markdown":
            return Response(_markdown(), media_type="text/markdown; charset=utf-8")
        case "json":
            return JsonResponse(SKELETON)
        case None:
            return JsonResponse(_both())


@cache
def _markdown() -> bytes:
    return template(SKELETON, _SEVERITIES)


def _both() -> dict[str, Any]:
    return {
        "severities": _SEVERITIES,
        "ticket": SKELETON,
        "markdown": _markdown().decode(),
    }
