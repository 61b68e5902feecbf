"""Targets: the packages whose findings are tracked and run."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.paging import Page
from app.api.parameters import TargetName
from app.api.payloads.runs import SyncOut
from app.api.payloads.targets import RevisionsOut, TargetOut, TargetsOut
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.security import Maintainer, Reader
from app.domain.revisions import MAX_NAME

router = new_router("verification")


@router.get("/targets", **answers(TargetsOut, 200))
async def list_targets(_: Reader, services: Services) -> JsonResponse:
    """List the targets, and the domains of tickets that none of them covers.

    An operator declares targets in a file (docs/targets.md); no call of the API does. An entry that
    is wrong is `degraded`, and says why.
    """
    return JsonResponse(
        {
            "items": await services.targets.all(),
            "not_covered": await services.targets.not_covered(),
            "next_cursor": None,
        }
    )


@router.get("/targets/{name}", **answers(TargetOut, 200, 404))
async def read_target(_: Reader, services: Services, name: TargetName) -> JsonResponse:
    """Read a target: what it covers, its digests, and whether it can be run."""
    return JsonResponse(await services.targets.show(name))


@router.get("/targets/{name}/revisions", **answers(RevisionsOut, 200, 404))
async def list_revisions(
    _: Reader,
    services: Services,
    name: TargetName,
    page: Page,
    start: Annotated[
        str | None,
        Query(
            alias="from",
            max_length=MAX_NAME,
            description="A commit, branch or tag to begin with, instead of what is in force.",
        ),
    ] = None,
) -> JsonResponse:
    """List the revisions of a target, newest first.

    Of a git repository: commits, children before their parents. Of a folder: the states in which
    the service has seen its package. Any revision can be checked, and two of them make a proof.
    """
    found, more = await services.revisions.page(
        name, start=start, after=page.position, limit=page.limit
    )
    return page.response({"items": found}, more)


@router.post("/targets/{name}/sync", **answers(SyncOut, 200, 404))
async def sync_target(actor: Maintainer, services: Services, name: TargetName) -> JsonResponse:
    """Look at a target anew: what is in force, and the tests of its suite.

    A branch that has moved is followed at once, which else happens within two seconds. Tests that
    are gone leave the catalogue, new ones come in, and markers link by themselves.
    """
    return JsonResponse(await services.targets.sync(actor, name))
