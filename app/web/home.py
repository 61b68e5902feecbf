"""The start page: what needs me, what changed, and how things stand."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.domain.runs import RunOutcome
from app.domain.tickets import Status
from app.factory import Factory
from app.storage.runs import RunFilter
from app.storage.ticket_lists import TicketFilter
from app.web.charts import charts
from app.web.render import page
from app.web.routing import new_router
from app.web.session import token_file
from app.web.visitors import MaybeVisitor, Visitor

router = new_router()

_WEEKS = 12
_OPEN = tuple(status.value for status in Status if not status.is_final)


@router.get("/")
async def home(request: Request, visitor: MaybeVisitor, services: Services) -> Response:
    """Show the start page, or to a stranger what this is."""
    if visitor is None:
        settings = services.settings
        told = {"url": settings.url, "token_file": token_file(request)}
        return page(request, "first.html", told)
    figures = await services.figures.show(weeks=_WEEKS)
    context = {
        "figures": figures,
        "charts": await asyncio.to_thread(charts, figures),
        "queues": await services.queue.counts(visitor.actor) if visitor.may("reviewer") else {},
        **await _needs(services),
        **await _news(services, visitor),
    }
    return page(request, "home/home.html", context)


async def _needs(services: Factory) -> dict[str, Any]:
    filters = {
        "objections": TicketFilter(verdict=("OBJECT",), status=_OPEN),
        "regressed": TicketFilter(evidence=("regressed",)),
        "closable": TicketFilter(closable=True),
        "stale": TicketFilter(stale=True, status=_OPEN),
    }
    counts = {name: (await services.tickets.count(f))[0] for name, f in filters.items()}
    broken = (RunOutcome.ERROR.value, RunOutcome.TIMED_OUT.value, RunOutcome.INCONCLUSIVE.value)
    failed = await services.runs.page(RunFilter(outcome=broken), after=None, limit=5)
    return {"counts": counts, "failed": failed}


async def _news(services: Factory, visitor: Visitor) -> dict[str, Any]:
    found = await services.tickets.page(TicketFilter(), "-updated", after=None, limit=8)
    since = visitor.previous_visit_at
    new = [ticket for ticket in found.items if since is not None and ticket.updated_at > since]
    return {"changed": new or found.items, "since": since if new else None}
