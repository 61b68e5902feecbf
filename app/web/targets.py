"""The page of targets: what can be run, and what no target covers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.parameters import TargetName
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.sorting import sorted_rows
from app.web.visitors import Maintainer, Reader

router = new_router()

_MOST_DOMAINS = 100


@router.get("/targets")
async def list_targets(request: Request, _: Reader, services: Services) -> Response:
    """List the targets and the domains that none of them covers."""
    not_covered = await services.targets.not_covered()
    targets, heads = sorted_rows(
        request,
        await services.targets.all(),
        {
            "target": lambda one: one.name or None,
            "state": lambda one: one.state,
            "tests": lambda one: one.tests,
            "tickets": lambda one: one.tickets,
            "domains": lambda one: ", ".join(one.domains) or None,
        },
    )
    context = {
        "targets": targets,
        "heads": heads,
        "not_covered": not_covered[:_MOST_DOMAINS],
        "more": max(0, len(not_covered) - _MOST_DOMAINS),
    }
    return page(request, "runs/targets.html", context)


@router.post("/targets/{name}/sync")
async def sync_target(visitor: Maintainer, services: Services, name: TargetName) -> Response:
    """Collect the suite of a target anew."""
    await services.targets.sync(visitor.actor, name)
    return see_other("/targets", flash="synced")
