"""Tickets: file, show, list, edit; their notes and history."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Query, Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.exchange import markdown_of
from app.api.openapi import answers
from app.api.paging import Page, at_id, total_body
from app.api.parameters import (
    Count,
    IfMatch,
    NoteId,
    TicketFilters,
    TicketKey,
)
from app.api.payloads.accounts import (
    HistoryOut,
    NoteIn,
    NoteOut,
    NotePageOut,
    RestoredOut,
    event_body,
)
from app.api.payloads.tickets import (
    FiledTicketOut,
    ShownTicketOut,
    SimilarListOut,
    TicketIn,
    TicketOut,
    TicketPageOut,
    TicketPatch,
    TickIn,
    ticket_body,
)
from app.api.responses import JsonResponse, created, with_etag
from app.api.routing import new_router
from app.api.security import Reader, Reporter
from app.api.uploads import prefers_markdown
from app.domain.filters import TicketOrder

router = new_router("tickets", "/tickets")


@router.post(
    "",
    status_code=201,
    **answers(FiledTicketOut, 201, 409, also={200: "What a dry run would have filed."}),
)
async def file_ticket(
    actor: Reporter,
    services: Services,
    body: TicketIn,
    dry_run: Annotated[bool, Query(description="Check everything, store nothing.")] = False,
) -> JsonResponse:
    """File a finding.

    With `key` under that key, otherwise under the next free one of its batch and agent, such as
    `B2-DRL-11`. A dry run answers 200 with the ticket as it would be. `similar` lists tickets that
    may tell of the same: look there before you file.
    """
    ticket = await services.tickets.file(actor, body.draft(), dry_run=dry_run)
    caller = await services.client_code.caller(actor, ticket)
    shown = ticket_body(ticket, caller) | {"similar": ticket.similar}
    if dry_run:
        return JsonResponse(shown)
    return created(shown, f"/api/v1/tickets/{ticket.key}", etag=ticket.etag)


@router.get("", **answers(TicketPageOut, 200))
async def list_tickets(
    _: Reader,
    services: Services,
    wanted: TicketFilters,
    page: Page,
    sort: TicketOrder = "-created",
    count: Count = False,
) -> JsonResponse:
    """List tickets.

    Filters may be repeated: any of the values of one filter, and all filters together.

    Pages of a list go on behind the last ticket of the one before, so none comes twice. By
    `-updated` or `severity` a ticket that is edited meanwhile may move to where pages have been,
    and is in none of the others: who must not miss one follows `GET /changes`.
    """
    found = await services.tickets.page(wanted, sort, after=page.position, limit=page.limit)
    total = total_body(*await services.tickets.count(wanted)) if count else {}
    return page.response({"items": found.items, **total}, found.next_position)


@router.get("/{key}", **answers(ShownTicketOut, 200, 404, text="text/markdown"))
async def show_ticket(
    request: Request,
    actor: Reader,
    services: Services,
    key: TicketKey,
    include: Annotated[
        tuple[Literal["source"], ...],
        Query(max_length=5, description="`source`: the lines that its locations name."),
    ] = (),
) -> Response:
    """Show a ticket with everything that belongs to it.

    With `Accept: text/markdown` as a document, like `GET /tickets/{key}.md`. With `include=source`
    also the code at its locations, with five lines before and behind, and as it was filed.
    """
    if prefers_markdown(request.headers.get("accept", "")):
        return await markdown_of(services, key)
    ticket = await services.tickets.show(key)
    caller = await services.client_code.caller(actor, ticket)
    body = ticket_body(ticket, caller)
    if "source" in include:
        filed = await services.places.filed_code(key)
        body["source"] = [
            {**vars(place), "filed": filed.get(place.location or "")}
            for place in await services.source.of_places(ticket.locations)
        ]
    return with_etag(body, ticket.etag)


@router.get("/{key}/similar", **answers(SimilarListOut, 200, 404))
async def list_similar_tickets(_: Reader, services: Services, key: TicketKey) -> JsonResponse:
    """List tickets that may tell of the same, the most alike first.

    Alike are the same or nearby lines, the same symbol, and the same words. `reasons` says which.
    """
    return JsonResponse({"items": await services.tickets.similar(key), "next_cursor": None})


@router.patch("/{key}", **answers(TicketOut, 200, 404, 409, 412, 428))
async def edit_ticket(
    actor: Reporter,
    services: Services,
    key: TicketKey,
    body: TicketPatch,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Change a ticket's document by a JSON Merge Patch.

    Fields left out stay as they are. In lists of parts an item with `id` is kept or changed, one
    without is new, a missing one is removed. Reporters edit their own open tickets, maintainers
    any.
    """
    ticket = await services.documents.edit(actor, key, body.changes(), if_match)
    caller = await services.client_code.caller(actor, ticket)
    return with_etag(ticket_body(ticket, caller), ticket.etag)


@router.patch("/{key}/checklist/{id}", **answers(TicketOut, 200, 404, 412, 428))
async def tick_checklist_item(
    actor: Reporter,
    services: Services,
    key: TicketKey,
    id: Annotated[str, Path(description="The item's id.")],  # the path's word
    body: TickIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Mark a checklist item as done or not."""
    ticket = await services.documents.tick(actor, key, id, done=body.done, if_match=if_match)
    caller = await services.client_code.caller(actor, ticket)
    return with_etag(ticket_body(ticket, caller), ticket.etag)


@router.get("/{key}/history", **answers(HistoryOut, 200, 404))
async def show_history(
    _: Reader,
    services: Services,
    key: TicketKey,
    page: Page,
) -> JsonResponse:
    """List what happened to a ticket, oldest first."""
    events = await services.tickets.history(key, after=page.after(0), limit=page.enough)
    return page.answer(events, lambda event: (event.id.number,), event_body)


@router.post("/{key}/notes", status_code=201, **answers(NoteOut, 201, 404))
async def add_note(
    actor: Reporter, services: Services, key: TicketKey, body: NoteIn
) -> JsonResponse:
    """Add a note to a ticket."""
    note = await services.tickets.add_note(actor, key, body.body)
    return created(note, f"/api/v1/tickets/{key}/notes")


@router.delete("/{key}/notes/{id}", status_code=204, **answers(None, 204, 404))
async def delete_note(
    actor: Reporter, services: Services, key: TicketKey, note_id: NoteId
) -> Response:
    """Delete a note of yours; a maintainer may delete any. The history keeps up to 20,000
    characters of it.
    """
    await services.tickets.delete_note(actor, key, note_id)
    return Response(status_code=204)


@router.post("/{key}/undo", **answers(RestoredOut, 200, 404, 409))
async def take_back(actor: Reporter, services: Services, key: TicketKey) -> JsonResponse:
    """Put back what you removed last from a ticket: a patch, a linked test or a note.

    Within 15 seconds; later, or where something else has its place, the answer is 409.
    """
    restored = await services.undo.take_back(actor, key)
    return JsonResponse({"restored": restored})


@router.get("/{key}/notes", **answers(NotePageOut, 200, 404))
async def list_notes(
    _: Reader,
    services: Services,
    key: TicketKey,
    page: Page,
) -> JsonResponse:
    """List the notes of a ticket, oldest first."""
    notes = await services.tickets.notes(key, after=page.after_id, limit=page.enough)
    return page.answer(notes, at_id)
