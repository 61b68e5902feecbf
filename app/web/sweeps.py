"""Sweeps: what was looked at again, and what came of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.api import sweeps as api
from app.api.dependencies import Services
from app.api.parameters import SweepId
from app.domain import keys
from app.domain.sweeps import SweepStatus, SweepVerdict
from app.web import forms
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.sorting import sorted_rows
from app.web.visitors import Reader, Reviewer

router = new_router()

_MOST = 100
_MOST_ITEMS = 500
_TELLING = tuple(one.value for one in SweepVerdict if one is not SweepVerdict.HELD)


@router.get("/sweeps")
async def list_sweeps(request: Request, _: Reader, services: Services) -> Response:
    """List sweeps, newest first."""
    found = await services.sweeps.page(targets=(), statuses=(), after=None, limit=_MOST)
    rows, heads = sorted_rows(
        request,
        found,
        {
            "target": lambda one: one.target,
            "status": lambda one: one.status,
            "said": lambda one: tuple(one.counts.values()),
            "reopened": lambda one: one.reopened,
            "by": lambda one: one.requested_by or "itself",
            "when": lambda one: one.queued_at,
        },
    )
    return page(request, "sweeps/list.html", {"sweeps": rows, "heads": heads, "most": _MOST})


@router.get("/sweeps/{id}")
async def show_sweep(
    request: Request, _: Reader, services: Services, sweep_id: SweepId
) -> Response:
    """Show a sweep: first what is not as it was."""
    sweep = await services.sweeps.show(sweep_id)
    asked = request.query_params.get("verdict", "")
    verdicts = (asked,) if asked in tuple(SweepVerdict) else _TELLING
    commits = await services.revisions.described(
        sweep.target, filter(None, (sweep.revision, sweep.previous))
    )
    items, heads = sorted_rows(
        request,
        await services.sweeps.items(sweep_id, verdicts=verdicts, limit=_MOST_ITEMS),
        {
            "ticket": lambda item: keys.sort_key(item.ticket),
            "verdict": lambda item: item.verdict,
            "why": lambda item: item.reason,
        },
    )
    context = {
        "sweep": sweep,
        "asked": asked if asked in tuple(SweepVerdict) else "",
        "items": items,
        "heads": heads,
        "most": _MOST_ITEMS,
        "commits": commits,
        "live": sweep.status in (SweepStatus.QUEUED, SweepStatus.RUNNING),
    }
    return page(request, "sweeps/show.html", context)


@router.get("/sweeps/{id}/events")
async def watch_sweep(visitor: Reader, services: Services, sweep_id: SweepId) -> Response:
    """Watch a sweep as server-sent events, as `GET /api/v1/sweeps/{id}/events` does."""
    return await api.watch_sweep(visitor.actor, services, sweep_id)


@router.post("/sweeps")
async def request_sweep(request: Request, visitor: Reviewer, services: Services) -> Response:
    """Look at a target's tickets again, now."""
    sent = await forms.sent(request)
    sweep = await services.sweeps.request(visitor.actor, sent.text("target") or None, None)
    return see_other(f"/sweeps/{sweep.id}")
