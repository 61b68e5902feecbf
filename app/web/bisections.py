"""The page of a bisection, and the form that asks for one."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api import run_streams
from app.api.dependencies import Services
from app.api.parameters import RunId, TicketKey
from app.api.payloads.bisections import BisectionIn
from app.api.run_streams import LastEventId
from app.domain.bisection.run import Bisection, Step
from app.domain.bisection.search import Seen
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
        "rows": _rows(found),
        "line": _line(found),
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
    return see_other(f"/bisections/{run_id}", flash="cancelled")


@router.post("/tickets/{key}/bisections")
async def start_bisection(
    request: Request, visitor: Reviewer, services: Services, key: TicketKey
) -> Response:
    """Ask for a bisection."""
    body = (await sent(request)).given("direction", "from", "to")
    found = await services.bisections.start(visitor.actor, key, parse(BisectionIn, body).wanted)
    return see_other(f"/bisections/{found.id}")


@dataclass(frozen=True)
class Row:
    """A revision that was looked at, and how many lie between it and the next older one."""

    step: Step
    gap: int


@dataclass(frozen=True)
class Line:
    """Where the revisions lie between the two ends."""

    marks: list[tuple[int, str]]
    """Per mille of the way from the older end to the newer one, and what was seen there."""
    counts: dict[str, int]
    """Revisions by what was seen, and those that were not run."""


def _rows(found: Bisection) -> list[Row]:
    """The revisions by their place in the history, the newest first; what was seen last of each."""
    latest = {step.revision: step for step in found.steps}
    steps = sorted(latest.values(), key=lambda step: found.places.get(step.revision, 0))
    gaps = [
        found.places.get(older.revision, 0) - found.places.get(newer.revision, 0) - 1
        for newer, older in itertools.pairwise(steps)
    ]
    return [Row(step, max(0, gap)) for step, gap in zip(steps, [*gaps, 0], strict=False)]


def _line(found: Bisection) -> Line | None:
    latest = {step.revision: step.outcome for step in found.steps}
    known = {commit: found.places[commit] for commit in latest if commit in found.places}
    length = max(known.values(), default=0)
    if not length:
        return None
    words = {commit: (latest[commit] or Seen.SKIP).value for commit in known}
    counts = Counter(words.values())
    counts["not run"] = length + 1 - len(known)
    marks = [(1000 - 1000 * place // length, words[commit]) for commit, place in known.items()]
    return Line(sorted(marks), dict(counts))


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
