"""Triage of disagreements between the folder of a document and the status of its ticket."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.parameters import TicketKey
from app.domain import keys
from app.domain.documents import StatusFrom
from app.errors import FieldError, InvalidInput
from app.formats.markdown import DISPOSITIONS, home_of
from app.web.forms import sent
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.visitors import Maintainer, Reader

router = new_router()

PAGE = 100


@router.get("/drift")
async def list_drift(request: Request, _: Reader, services: Services) -> Response:
    """List the disagreements, one row each."""
    after = _key(request.query_params.get("after", ""))
    rows, total = await services.drift.page(after=after, limit=PAGE)
    context = {
        "rows": [
            (row, DISPOSITIONS[row.folder], home_of(row.status, row.resolution)) for row in rows
        ],
        "total": total,
        "after": after,
    }
    return page(request, "tickets/drift.html", context)


@router.post("/drift/{key}")
async def settle(
    request: Request, visitor: Maintainer, services: Services, key: TicketKey
) -> Response:
    """Let the folder hold, or the status."""
    given = await sent(request)
    word = given.text("word")
    if word not in tuple(StatusFrom):
        raise InvalidInput(FieldError("/word", "say folder or document: whose word it is"))
    await services.drift.settle(visitor.actor, key, StatusFrom(word))
    after = _key(given.text("after"))
    return see_other("/drift" + (f"?after={after}" if after else ""), flash="settled")


def _key(text: str) -> str | None:
    return text if keys.is_key(text, allow_copy=True) else None
