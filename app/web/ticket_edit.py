"""Editing a ticket's document, also when somebody else has changed it meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.parameters import TicketKey
from app.api.payloads.tickets import TicketPatch
from app.domain.tickets import Ticket
from app.errors import FindingsError, PreconditionFailed, Unauthenticated
from app.web import diffs, ticket_fields
from app.web.filing import offered
from app.web.forms import Refused, Sent, parse, sent
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.visitors import Reporter

router = new_router()


@router.get("/tickets/{key}/edit")
async def edit_form(request: Request, _: Reporter, services: Services, key: TicketKey) -> Response:
    """Show a ticket's document as a form."""
    ticket = await services.tickets.show(key)
    return _editing(request, ticket, ticket_fields.values_of(ticket))


@router.post("/tickets/{key}/edit")
async def edit_ticket(
    request: Request, visitor: Reporter, services: Services, key: TicketKey
) -> Response:
    """Save what was changed in the form, on top of the version that it showed."""
    given = await sent(request)
    mine = ticket_fields.values_in(given)
    touched = [
        name
        for name in ticket_fields.touched(given, mine)
        if given.text(f"take-{name}") != "theirs"
    ]
    if not touched:
        return see_other(f"/tickets/{key}", flash="unchanged")
    try:
        changes = parse(TicketPatch, ticket_fields.body_of(mine, touched)).changes()
        etag = f'"{given.text("version")}"'
        await services.documents.edit(visitor.actor, key, changes, etag)
    except Unauthenticated:
        raise
    except PreconditionFailed as error:
        ticket = await services.tickets.show(key)
        merge = merged(ticket_fields.values_of(ticket), mine, touched, given)
        refused = Refused("edit", given.values, error)
        return _editing(request, ticket, merge.values, refused, merge=merge)
    except FindingsError as error:
        ticket = await services.tickets.show(key)
        was = {name: given.text(f"was-{name}") for name in ticket_fields.FIELDS}
        refused = Refused("edit", given.values, error)
        return _editing(request, ticket, mine, refused, was=was, version=given.text("version"))
    return see_other(f"/tickets/{key}", flash="edited")


@dataclass(frozen=True)
class Contested:
    """A field that two have changed, each in another way."""

    name: str
    rows: Sequence[diffs.SideRow]
    """What the ticket says now beside what the visitor wrote."""


@dataclass(frozen=True)
class Merge:
    """A form on top of a version that its visitor had not seen."""

    values: Mapping[str, Any]
    """The ticket as it is now, with the visitor's changes in it."""
    contested: Sequence[Contested]
    only_mine: Sequence[diffs.FieldChange]
    only_theirs: Sequence[str]
    """Names of fields that the visitor did not touch."""


def merged(
    theirs: Mapping[str, Any], mine: Mapping[str, Any], touched: Sequence[str], given: Sent
) -> Merge:
    """Return the visitor's changes on top of what the ticket says now.

    What a field said when the form was opened is known by its digest only; that suffices to tell
    who has changed it.
    """
    digest = ticket_fields.digest
    changed = {
        name for name in ticket_fields.FIELDS if digest(theirs[name]) != given.text(f"was-{name}")
    }
    differ = [name for name in touched if digest(theirs[name]) != digest(mine[name])]
    return Merge(
        values={**theirs, **{name: mine[name] for name in touched}},
        contested=[
            Contested(name, diffs.side_by_side(_text(theirs[name]), _text(mine[name])))
            for name in differ
            if name in changed
        ],
        only_mine=[
            diffs.change(name, _text(theirs[name]), _text(mine[name]))
            for name in differ
            if name not in changed
        ],
        only_theirs=sorted(changed.difference(touched)),
    )


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
    merge: Merge | None = None,
    was: Mapping[str, str] | None = None,
    version: str | None = None,
) -> Response:
    now = ticket_fields.values_of(ticket)
    context = {
        **offered(),
        "ticket": ticket,
        "values": values,
        "refused": refused,
        "merge": merge,
        "version": version or ticket.version,
        "was": was or {name: ticket_fields.digest(now[name]) for name in ticket_fields.FIELDS},
    }
    status = 200 if refused is None else refused.problem.status
    return page(request, "filing/edit.html", context, status)
