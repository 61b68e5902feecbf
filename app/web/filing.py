"""Filing a ticket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.api.dependencies import Services
from app.api.payloads.tickets import TicketIn
from app.domain.tickets import Category, Ticket
from app.errors import FieldError, FindingsError, InvalidInput, Unauthenticated
from app.factory import Factory
from app.web import ticket_fields
from app.web.forms import Refused, parse, sent
from app.web.render import page
from app.web.room import markdown
from app.web.routing import new_router, see_other
from app.web.visitors import Reader, Reporter, Visitor

router = new_router()

_EMPTY: Mapping[str, Any] = {
    **dict.fromkeys(("key", *ticket_fields.TEXTS), ""),
    **{name: [] for name in (*ticket_fields.LISTS, *ticket_fields.PARTS)},
    "severity": "P2",
    "batch": "1",
    "domains": ["kasmina"],
    "sections": [
        {"id": None, "heading": heading, "body": ""}
        for heading in ("What happens", "Why it matters", "Recommended fix")
    ],
}
_FILED = {name: field for name, field in ticket_fields.FORM.items() if field.is_filed}


@router.get("/file")
async def empty_form(request: Request, visitor: Reporter, services: Services) -> Response:
    """Ask for a finding."""
    return await filing_page(request, visitor, services)


@router.post("/file")
async def file_ticket(request: Request, visitor: Reporter, services: Services) -> Response:
    """File a finding, or only look whether it could be and what is like it."""
    given = await sent(request)
    values = ticket_fields.values_in(given)
    # The template's headings come along empty: a section without a text is none.
    written = {**values, "sections": [row for row in values["sections"] if row["body"]]}
    trial = given.text("trial") == "true"
    try:
        filled = [name for name, field in _FILED.items() if field.is_required or written[name]]
        body = ticket_fields.body_of(written, filled)
        body |= {"key": written["key"]} if written["key"] else {}
        draft = parse(TicketIn, body).draft()
        ticket = await services.tickets.file(visitor.actor, draft, dry_run=trial)
    except Unauthenticated:
        raise
    except FindingsError as error:
        refused = Refused("file", given.values, error)
        return await filing_page(request, visitor, services, values=values, refused=refused)
    if trial:
        return await filing_page(request, visitor, services, values=values, trial=ticket)
    return see_other(f"/tickets/{ticket.key}", flash="filed")


@router.get("/file/similar")
async def show_similar(request: Request, _: Reporter, services: Services) -> Response:
    """Show what is like a finding that is being written; the page puts it beside the form."""
    title, summary = (request.query_params.get(n, "")[:2000] for n in ("title", "summary"))
    found = await services.tickets.alike(_clean(title), _clean(summary))
    return page(request, "filing/similar.html", {"similar": found})


def _clean(text: str) -> str:
    return text.replace("\x00", "")


async def filing_page(
    request: Request,
    visitor: Visitor,
    services: Factory,
    *,
    values: Mapping[str, Any] | None = None,
    refused: Refused | None = None,
    trial: Ticket | None = None,
    warnings: Sequence[str] = (),
) -> Response:
    """Show the filing form.

    Args:
        request: what is answered.
        visitor: who files.
        services: everything below.
        values: what the form holds; None for an empty one.
        refused: what was wrong with it as it was sent.
        trial: the ticket as it would be filed.
        warnings: about the document that the values come from.
    """
    own = visitor.actor.account.speaks_for
    empty = {**_EMPTY, "agent": own[0] if own else "human"}
    context = {
        **offered(),
        "values": empty if values is None else values,
        "from_document": values is not None and refused is None and trial is None,
        "specialists": await services.accounts.specialists(),
        "refused": refused,
        "trial": trial,
        "warnings": warnings,
        "was": None,
    }
    status = 200 if refused is None else refused.problem.status
    return page(request, "filing/file.html", context, status)


def offered() -> dict[str, Any]:
    """Return the words that the fields of a document offer."""
    return {
        "categories": [category.value for category in Category],
        "parts": ticket_fields.PARTS,
        "spare": ticket_fields.SPARE_ROWS,
    }


@router.post("/preview")
async def preview(request: Request, _: Reader) -> Response:
    """Show Markdown as it will look; the page puts the answer below the field."""
    given = await sent(request)
    text = given.values.get("text", "")
    if len(text) > 200_000:
        raise InvalidInput(FieldError("/text", "the text is too long to be previewed"))
    return HTMLResponse(str(markdown(text)))
