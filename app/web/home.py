"""The start page: what needs me, what changed, and how things stand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.domain.filters import TicketFilter
from app.domain.runs import RunFilter, RunOutcome
from app.domain.tickets import Status
from app.factory import Factory
from app.services.figures import FigureService
from app.web import filters
from app.web.charts import charts
from app.web.render import page
from app.web.routing import new_router
from app.web.visitors import MaybeVisitor, Visitor

router = new_router()

_WEEKS = 12
_NEWS = 12
_MOST_REOPENED = 10
_RECENT = timedelta(days=7)
_OPEN = tuple(status.value for status in Status if not status.is_final)
_BROKEN = (RunOutcome.ERROR.value, RunOutcome.TIMED_OUT.value, RunOutcome.INCONCLUSIVE.value)


@dataclass
class Tile:
    """How many tickets want something, with the list of them."""

    label: str
    address: str
    count: int = 0
    exact: bool = True


async def draw_ahead(services: Factory) -> None:
    """Draw the charts of the start page, so that whoever comes first does not wait for them."""
    # By a service of its own: figures that took long at the start are not kept for anybody.
    figures = await FigureService(services.unit).show(weeks=_WEEKS)
    await asyncio.to_thread(charts, figures)


@router.get("/")
async def home(request: Request, visitor: MaybeVisitor, services: Services) -> Response:
    """Show the start page, or to a stranger what this is."""
    if visitor is None:
        return page(request, "first.html", {"url": services.settings.url})
    figures = await services.figures.show(weeks=_WEEKS)
    context = {
        "figures": figures,
        "charts": await asyncio.to_thread(charts, figures),
        "queues": await services.queue.counts(visitor.actor) if visitor.may("reviewer") else {},
        **await _needs(services, visitor),
        **await _news(services, visitor),
    }
    return page(request, "home/home.html", context)


async def _needs(services: Factory, visitor: Visitor) -> dict[str, Any]:
    tiles = [
        Tile(
            "objections to tickets of yours", _list(created_by=visitor.actor.name, objected="true")
        ),
        Tile("objections to answer", _list(objected="true", status=_OPEN)),
        Tile("regressed", _list(evidence="regressed")),
        Tile("ready to close", _list(closable="true")),
        Tile("with stale evidence", _list(stale="true", status=_OPEN)),
    ]
    if not visitor.may("maintainer"):
        del tiles[1]
    drift = Tile("folder and status disagree", _list(drift="true"))
    for tile in (*tiles, drift):
        wanted = filters.read(QueryParams(tile.address.partition("?")[2])).filter
        tile.count, tile.exact = await services.tickets.count(wanted)
    if drift.count:
        tiles.append(replace(drift, address="/drift"))
    found = await services.runs.page(RunFilter(outcome=_BROKEN), after=None, limit=5)
    since = datetime.now(UTC) - _RECENT
    return {
        "tiles": tiles,
        "failed": [run for run in found if run.queued_at > since],
        "reopened": await services.sweeps.reopened(_MOST_REOPENED),
    }


def _list(**given: str | tuple[str, ...]) -> str:
    return f"/tickets?{urlencode(given, doseq=True)}"


async def _news(services: Factory, visitor: Visitor) -> dict[str, Any]:
    found = await services.tickets.page(TicketFilter(), "-updated", after=None, limit=_NEWS)
    since = visitor.previous_visit_at
    new = [ticket for ticket in found.items if since is not None and ticket.updated_at > since]
    return {
        "changed": new or found.items[:8],
        "since": since if new else None,
        "more": len(new) == _NEWS,
    }
