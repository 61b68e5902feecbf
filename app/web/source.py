"""The page that shows the code a ticket speaks about."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.domain.source import LineRange, parse_range
from app.factory import Factory
from app.web.render import page
from app.web.routing import new_router
from app.web.visitors import Reader

router = new_router()

_MOST_LINES = 400
_AROUND = 40


@router.get("/source")
async def show_source(request: Request, _: Reader, services: Services) -> Response:
    """Show lines of a file, those that are named marked, with some around them."""
    asked = request.query_params
    path = services.source.stated_as(asked.get("path", ""))
    return await _page(request, services, asked.get("target") or None, path)


@router.get("/source/{target}/{path:path}")
async def show_file(
    request: Request, _: Reader, services: Services, target: str, path: str
) -> Response:
    """Show a file of a target, as `/source` does."""
    return await _page(request, services, target, path)


async def _page(request: Request, services: Factory, target: str | None, path: str) -> Response:
    asked = request.query_params
    named = _range(asked.get("lines", ""))
    wanted = LineRange(1, _MOST_LINES)
    if named is not None:
        around = named.widened(_AROUND)
        wanted = LineRange(around.start, min(around.end, around.start + _MOST_LINES - 1))
    found = await services.source.read(path, wanted, target=target)
    last = found.start + len(found.lines) - 1
    context = {
        "file": found,
        "named": named,
        "about": await services.source.about(path),
        "last": last,
        "before": f"{max(1, found.start - _MOST_LINES)}-{found.start - 1}",
        "after": f"{last + 1}-{last + _MOST_LINES}",
    }
    return page(request, "source.html", context)


def _range(text: str) -> LineRange | None:
    """Return the lines that an address names, or None: an address that is off shows the file."""
    try:
        return parse_range(text)
    except ValueError:
        return None
