"""Sweeps: what was shown once is looked at again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

from fastapi import Header, Query
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.openapi import answers, text_answers
from app.api.paging import Page, at_queued
from app.api.parameters import Many, SweepId
from app.api.payloads.sweeps import (
    SweepIn,
    SweepItemsOut,
    SweepOut,
    SweepPageOut,
    item_body,
    sweep_body,
)
from app.api.responses import STILL_HERE, JsonResponse, event_bytes, events_answer
from app.api.routing import new_router
from app.api.security import Reader, Reviewer
from app.domain.sweeps import SweepStatus, SweepVerdict
from app.errors import FieldError, InvalidInput

router = new_router("verification")

LastSeen = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=20,
        description="Number of the last event seen; the stream goes on behind it.",
    ),
]


@router.post("/sweeps", status_code=202, **answers(SweepOut, 202, 404))
async def request_sweep(actor: Reviewer, services: Services, body: SweepIn) -> JsonResponse:
    """Look again at every ticket of a target that tests are linked with.

    One arm runs all linked tests once; what fails there and is known to pass runs several times
    more in fresh processes. A ticket that is closed as `fixed` or `already-fixed` is opened again
    where a test fails each time, in the same way. Sweeps come by themselves when the package that
    is in force changes. `Location` is where to look for the result.
    """
    sweep = await services.sweeps.request(actor, body.target, body.revision)
    return JsonResponse(sweep_body(sweep), 202, {"Location": f"/api/v1/sweeps/{sweep.id}"})


@router.get("/sweeps", **answers(SweepPageOut, 200))
async def list_sweeps(
    _: Reader,
    services: Services,
    page: Page,
    target: Annotated[tuple[str, ...], Many] = (),
    status: Annotated[tuple[SweepStatus, ...], Many] = (),
) -> JsonResponse:
    """List sweeps, newest first."""
    found = await services.sweeps.page(
        targets=target, statuses=status, after=page.after_time, limit=page.enough
    )
    return page.answer(found, at_queued, sweep_body)


@router.get("/sweeps/{id}", **answers(SweepOut, 200, 404))
async def show_sweep(
    _: Reader,
    services: Services,
    sweep_id: SweepId,
    wait: Annotated[
        float, Query(ge=0, le=60, description="Seconds to wait for the sweep to end.")
    ] = 0,
) -> JsonResponse:
    """Show a sweep with its counts; with `wait` as soon as it has ended."""
    return JsonResponse(sweep_body(await services.sweeps.wait(sweep_id, wait)))


@router.get("/sweeps/{id}/items", **answers(SweepItemsOut, 200, 404))
async def list_sweep_items(
    _: Reader,
    services: Services,
    sweep_id: SweepId,
    page: Page,
    verdict: Annotated[tuple[SweepVerdict, ...], Many] = (),
) -> JsonResponse:
    """List what a sweep says of tickets, in the order in which it was said."""
    found = await services.sweeps.items(
        sweep_id, verdicts=verdict, after=page.after(0), limit=page.enough
    )
    return page.answer(found, lambda one: (one.seq,), item_body)


@router.get(
    "/sweeps/{id}/events",
    **text_answers("text/event-stream", "Server-sent events `status`, `item` and `end`.", 404),
)
async def watch_sweep(
    _: Reader, services: Services, sweep_id: SweepId, last_event_id: LastSeen = None
) -> Response:
    """Watch a sweep as server-sent events; the id of one is the number of the item said last."""
    if last_event_id is not None and not (last_event_id.isascii() and last_event_id.isdigit()):
        told = f"{last_event_id!r} is no event's id; ids are numbers"
        raise InvalidInput(FieldError("/Last-Event-ID", told, location="header"))
    await services.sweeps.show(sweep_id)
    stream = _as_server_sent(services, sweep_id, int(last_event_id or 0))
    return events_answer(stream)


async def _as_server_sent(services: Services, sweep_id: UUID, after: int) -> AsyncGenerator[bytes]:
    async for event in services.sweeps.watch(sweep_id, after):
        if event is None:
            yield STILL_HERE
            continue
        data = sweep_body(event.sweep) if event.item is None else item_body(event.item)
        yield event_bytes(event.kind, data, event.seq)
