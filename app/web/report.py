"""The report: the start page's charts and lists as one document that needs nothing else.

It is opened from a disk, an attachment or an archive, so it asks no host for anything: its style
lies in it, its links lead back to the service, and a policy of its own forbids all the rest.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

from markupsafe import Markup, escape
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from app.api import routing
from app.api.dependencies import Services
from app.api.openapi import text_answers
from app.api.security import Reader as CallingReader
from app.domain.accounts import Actor
from app.domain.runs import RunFilter, RunOutcome
from app.domain.tickets import Status, TicketSummary
from app.factory import Factory
from app.web import filters
from app.web.charts import charts
from app.web.render import HERE, environment
from app.web.routing import new_router
from app.web.visitors import Reader

router = routing.new_router("figures")
"""The call of the API."""

pages = new_router()

_WEEKS = 12
_MOST = 25
_OPEN = "&".join(f"status={status.value}" for status in Status if not status.is_final)
_LISTS = (
    ("Regressed", "evidence=regressed"),
    ("The defect is there", f"evidence=reproduced&evidence=fix-ready&{_OPEN}&sort=severity"),
    ("Open, with an objection", f"verdict=OBJECT&{_OPEN}"),
    ("Ready to close", "closable=true"),
    ("Proofs that would miss most wrong changes", "strength=weak&sort=strength"),
    ("Closed without evidence", "waived=true"),
    ("Evidence out of date", f"stale=true&{_OPEN}"),
    ("Changed last", "sort=-updated"),
)
"""Titles, and the lists of the service that they show the beginning of."""

_DECIDED_NOTHING = (RunOutcome.ERROR, RunOutcome.TIMED_OUT, RunOutcome.INCONCLUSIVE)


@dataclass(frozen=True)
class Listed:
    """The beginning of a list of tickets."""

    title: str
    address: str
    """Of the whole list."""
    tickets: Sequence[TicketSummary]
    total: int
    exact: bool


@router.get("/report", **text_answers("text/html", "The report, a document of one file."))
async def show_report(request: Request, caller: CallingReader, services: Services) -> Response:
    """Make a report of how things stand, as one self-contained HTML document.

    It holds the charts of the start page with their figures, and the beginnings of the lists that
    need somebody. It asks nothing of any host when it is opened, and its links lead to this
    service.
    """
    return await _report(request, services, caller)


@pages.get("/report")
async def download_report(request: Request, visitor: Reader, services: Services) -> Response:
    """Give the report to somebody who looks at the pages."""
    return await _report(request, services, visitor.actor)


async def _report(request: Request, services: Factory, actor: Actor) -> Response:
    now = datetime.now(UTC)
    figures = await services.figures.show(weeks=_WEEKS)
    broken = RunFilter(outcome=tuple(outcome.value for outcome in _DECIDED_NOTHING))
    style, digest = _style()
    home = services.settings.public_url or str(request.base_url).rstrip("/")
    drawn = await asyncio.to_thread(charts, figures)
    html = environment.get_template("report/report.html").render(
        home=home,
        made_at=now,
        made_for=actor.name,
        figures=figures,
        charts=[replace(chart, svg=_leading_back(chart.svg, home)) for chart in drawn],
        lists=[await _listed(services, title, query) for title, query in _LISTS],
        failed=await services.runs.page(broken, after=None, limit=_MOST),
        style=style,
        style_digest=digest,
    )
    name = f"findings-{now:%Y-%m-%d}.html"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


def _leading_back(svg: Markup, home: str) -> Markup:
    """Return a drawing whose bars lead to the service that it comes from."""
    return Markup(str(svg).replace('href="/', f'href="{escape(home)}/'))  # noqa: S704  # drawn by us


async def _listed(services: Factory, title: str, query: str) -> Listed:
    wanted = filters.read(QueryParams(query))
    found = await services.tickets.page(wanted.filter, wanted.sort, after=None, limit=_MOST)
    total, exact = len(found.items), True
    if found.next_position is not None:
        total, exact = await services.tickets.count(wanted.filter)
    return Listed(title, wanted.address(), found.items, total, exact)


@cache
def _style() -> tuple[Markup, str]:
    """Return the style sheet, and the digest by which the document's own policy allows it."""
    text = "".join(
        (HERE / "static" / name).read_text("utf-8") for name in ("site.css", "report.css")
    )
    digest = base64.b64encode(sha256(text.encode()).digest()).decode()
    return Markup(text), digest  # noqa: S704  # files of ours
