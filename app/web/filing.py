"""Filing a ticket and editing one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.api.dependencies import Services
from app.api.parameters import TicketKey
from app.api.payloads.tickets import TicketIn, TicketPatch
from app.domain.tickets import Category, Severity, Ticket
from app.errors import FieldError, FindingsError, InvalidInput, PreconditionFailed, Unauthenticated
from app.factory import Factory
from app.web import diffs, ticket_fields
from app.web.forms import Refused, parse, sent
from app.web.render import markdown, page
from app.web.routing import new_router, see_other
from app.web.visitors import Reader, Reporter, Visitor

router = new_router()

_EMPTY: Mapping[str, Any] = {
    "title": "", "severity": "P2", "batch": "1", "agent": "", "key": "", "summary": "",
    "domains": ["kasmina"], "categories": [], "commits": [], "assignee": "", "reported_on": "",
    "resolution_text": "",
    "locations": [],
    "sections": [
        {"id": None, "heading": "What happens", "body": ""},
        {"id": None, "heading": "Why it matters", "body": ""},
        {"id": None, "heading": "Recommended fix", "body": ""},
    ],
    "checklist": [],
}  # fmt: skip
_FILED = ("title", "severity", "batch", "agent", "summary", "domains", "categories", "locations",
          "sections", "checklist")  # fmt: skip


@router.get("/file")
async def empty_form(request: Request, visitor: Reporter, services: Services) -> Response:
    """Ask for a finding."""
    own = visitor.actor.account.speaks_for
    return await _filing(request, services, {**_EMPTY, "agent": own[0] if own else "human"})


@router.post("/file")
async def file_ticket(request: Request, visitor: Reporter, services: Services) -> Response:
    """File a finding."""
    given = await sent(request)
    values = ticket_fields.values_in(given)
    # The template's headings come along empty: a section without a text is none.
    values["sections"] = [row for row in values["sections"] if row["body"]]
    try:
        body = ticket_fields.body_of(values, _FILED)
        for name in ("key", "assignee", "reported_on"):
            if values[name]:
                body[name] = values[name]
        ticket = await services.tickets.file(visitor.actor, parse(TicketIn, body).draft())
    except Unauthenticated:
        raise
    except FindingsError as error:
        return await _filing(request, services, values, Refused("file", given.values, error))
    return see_other(f"/tickets/{ticket.key}?said=filed")


async def _filing(
    request: Request,
    services: Factory,
    values: Mapping[str, Any],
    refused: Refused | None = None,
) -> Response:
    context = {
        **_offered(),
        "values": values,
        "specialists": await services.accounts.specialists(),
        "refused": refused,
        "was": None,
    }
    status = 200 if refused is None else refused.problem.status
    return page(request, "filing/file.html", context, status)


def _offered() -> dict[str, Any]:
    return {
        "severities": [severity.value for severity in Severity],
        "categories": [category.value for category in Category],
        "parts": ticket_fields.PARTS,
        "spare": ticket_fields.SPARE_ROWS,
    }


@router.get("/tickets/{key}/edit")
async def edit_form(
    request: Request, visitor: Reporter, services: Services, key: TicketKey
) -> Response:
    """Show a ticket's document as a form."""
    ticket = await services.tickets.show(key)
    return _editing(request, ticket, ticket_fields.values_of(ticket))


@router.post("/tickets/{key}/edit")
async def edit_ticket(
    request: Request, visitor: Reporter, services: Services, key: TicketKey
) -> Response:
    """Save what was changed in the form, on top of the version that it showed."""
    given = await sent(request)
    values = ticket_fields.values_in(given)
    touched = ticket_fields.touched(given, values)
    if not touched:
        return see_other(f"/tickets/{key}?said=unchanged")
    try:
        body = ticket_fields.body_of(values, touched)
        changes = parse(TicketPatch, body).changes()
        etag = f'"{given.text("version")}"'
        await services.documents.edit(visitor.actor, key, changes, etag)
    except Unauthenticated:
        raise
    except PreconditionFailed as error:
        refused = Refused("edit", given.values, error)
        return await _conflict(request, visitor, services, key, values, touched, refused)
    except FindingsError as error:
        ticket = await services.tickets.show(key)
        was = {name: given.text(f"was-{name}") for name in ticket_fields.FIELDS}
        refused = Refused("edit", given.values, error)
        return _editing(request, ticket, values, refused, was=was, version=given.text("version"))
    return see_other(f"/tickets/{key}?said=edited")


async def _conflict(
    request: Request,
    visitor: Visitor,
    services: Factory,
    key: str,
    mine: Mapping[str, Any],
    touched: list[str],
    refused: Refused,
) -> Response:
    """Show both versions of what the visitor touched; the rest is taken as it is now.

    The form goes on from the present version, so what somebody else changed meanwhile is undone
    only where the visitor wants it.
    """
    ticket = await services.tickets.show(key)
    theirs = ticket_fields.values_of(ticket)
    merged = {**theirs, **{name: mine[name] for name in touched}}
    both = [
        diffs.change(name, _text(theirs[name]), _text(mine[name]))
        for name in touched
        if ticket_fields.digest(theirs[name]) != ticket_fields.digest(mine[name])
    ]
    return _editing(request, ticket, merged, refused, both=both)


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [
            {name: part for name, part in item.items() if part} if isinstance(item, dict) else item
            for item in value
        ]
    return value


def _editing(
    request: Request,
    ticket: Ticket,
    values: Mapping[str, Any],
    refused: Refused | None = None,
    *,
    both: list[diffs.FieldChange] | None = None,
    was: Mapping[str, str] | None = None,
    version: str | None = None,
) -> Response:
    now = ticket_fields.values_of(ticket)
    context = {
        **_offered(),
        "ticket": ticket,
        "values": values,
        "refused": refused,
        "both": both,
        "version": version or ticket.version,
        "was": was or {name: ticket_fields.digest(now[name]) for name in ticket_fields.FIELDS},
    }
    status = 200 if refused is None else refused.problem.status
    return page(request, "filing/edit.html", context, status)


@router.post("/preview")
async def preview(request: Request, _: Reader) -> Response:
    """Show Markdown as it will look; the page puts the answer below the field."""
    given = await sent(request)
    text = given.values.get("text", "")
    if len(text) > 200_000:
        raise InvalidInput(FieldError("/text", "the text is too long to be previewed"))
    return HTMLResponse(str(markdown(text)))
