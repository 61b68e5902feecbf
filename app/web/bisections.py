"""The page of a bisection, and the form that asks for one."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api import run_streams
from app.api.dependencies import Services
from app.api.parameters import RunId, TicketKey
from app.api.payloads.bisections import BisectionIn
from app.api.run_streams import LastEventId
from app.domain.bisection.run import Bisection, Step
from app.factory import Factory
from app.web.diffs import patch_lines
from app.web.forms import parse, sent
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.visitors import Reader, Reviewer

router = new_router()

_MOST_FILES = 20


@router.get("/bisections/{id}")
async def show_bisection(
    request: Request, _: Reader, services: Services, run_id: RunId
) -> Response:
    """Show a bisection: the timeline of revisions, and the first commit with its changes."""
    found = await services.bisections.show(run_id)
    context = {
        "bisection": found,
        "steps": _by_age(found),
        "live": found.finished_at is None,
        "files": await _changes(found, services),
    }
    return page(request, "bisection/show.html", context)


@router.get("/bisections/{id}/events")
async def watch_bisection(
    visitor: Reader, services: Services, run_id: RunId, last_event_id: LastEventId = None
) -> Response:
    """Watch a bisection as server-sent events."""
    await services.bisections.show(run_id)
    return await run_streams.watch_run(visitor.actor, services, run_id, last_event_id)


@router.post("/bisections/{id}/cancel")
async def cancel_bisection(visitor: Reviewer, services: Services, run_id: RunId) -> Response:
    """Cancel a bisection."""
    await services.bisections.cancel(visitor.actor, run_id)
    return see_other(f"/bisections/{run_id}", said="cancelled")


@router.post("/tickets/{key}/bisections")
async def start_bisection(
    request: Request, visitor: Reviewer, services: Services, key: TicketKey
) -> Response:
    """Ask for a bisection."""
    body = (await sent(request)).given("direction", "from", "to")
    found = await services.bisections.start(visitor.actor, key, parse(BisectionIn, body).wanted)
    return see_other(f"/bisections/{found.id}")


def _by_age(found: Bisection) -> list[Step]:
    """The steps by the age of their commits, the newest first; what was seen last of each."""
    latest = {step.revision: step for step in found.steps}
    return sorted(
        latest.values(),
        key=lambda step: step.told.at.timestamp() if step.told is not None else 0.0,
        reverse=True,
    )


async def _changes(found: Bisection, services: Factory) -> list[tuple[str, Any]]:
    """What the commit changes that was found."""
    answer = found.found
    if answer is None or answer.last is None or answer.last not in found.commits:
        return []
    parents = found.commits[answer.last].parents
    if not parents:
        return []
    files = await services.revisions.diff(found.target, parents[0], answer.last)
    return [(file.path, patch_lines(file.text)) for file in files[:_MOST_FILES]]
