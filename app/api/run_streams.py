"""Watching a run: server-sent events, its log as text, its results as JUnit XML."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Header
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.openapi import text_answers
from app.api.parameters import RunId
from app.api.responses import STILL_HERE, Stream, event_bytes, events_answer
from app.api.routing import new_router
from app.api.security import Reader
from app.domain.runs import RunEvent
from app.errors import FieldError, InvalidInput
from app.formats.junit import writer as junit

router = new_router("verification", "/runs/{id}")

EVENT_STREAM = text_answers(
    "text/event-stream", "Server-sent events `status`, `test`, `log` and `end`.", 404
)
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=40,
        description="`<attempt>-<seq>` of the last event seen; the stream goes on behind it.",
    ),
]


@router.get("/events", **EVENT_STREAM)
async def watch_run(
    _: Reader, services: Services, run_id: RunId, last_event_id: LastEventId = None
) -> Response:
    """Watch a run as server-sent events.

    The id of an event is `<attempt>-<seq>`: send it as `Last-Event-ID` to go on without loss. The
    stream ends behind `end`.
    """
    after = _position(last_event_id)
    await services.runs.status(run_id)
    stream = _as_server_sent(services, run_id, after)
    return events_answer(stream)


async def _as_server_sent(
    services: Services, run_id: RunId, after: tuple[int, int]
) -> AsyncGenerator[bytes]:
    async for event in services.runs.watch(run_id, after):
        if event is None:
            yield STILL_HERE
        else:
            number = f"{event.attempt}-{event.seq}"
            yield event_bytes(event.kind, {"at": event.at, **event.data}, number)


def _position(last_event_id: str | None) -> tuple[int, int]:
    if last_event_id is None:
        return -1, 0
    attempt, _, seq = last_event_id.partition("-")
    digits = (attempt + seq).isascii() and attempt.isdigit() and seq.isdigit()
    if not (digits and len(last_event_id) < 30):
        raise InvalidInput(
            FieldError(
                "/Last-Event-ID",
                f"{last_event_id!r} is no event's id; ids look like 1-17",
                location="header",
            )
        )
    return int(attempt), int(seq)


@router.get("/log", **text_answers("text/plain", "The log.", 404))
async def read_log(_: Reader, services: Services, run_id: RunId) -> Response:
    """Read what a run printed and how its tests ended, as text, line by line while it goes on."""
    await services.runs.status(run_id)
    return Stream(_as_text(services, run_id), "text/plain; charset=utf-8")


async def _as_text(services: Services, run_id: RunId) -> AsyncGenerator[bytes]:
    async for event in services.runs.watch(run_id, (-1, 0)):
        if event is not None:
            yield _line(event).encode("utf-8", "replace")


def _line(event: RunEvent) -> str:
    data = event.data
    match event.kind:
        case "log":
            return f"[{data.get('arm', '')}] {str(data.get('text', '')).rstrip()}\n"
        case "test":
            words = (data.get("arm"), data.get("outcome"), data.get("node_id"))
            return " ".join(str(word) for word in words if word) + "\n"
        case _:
            words = (data.get("status"), data.get("outcome"), data.get("reason"))
            return " ".join(str(word) for word in words if word) + "\n"


@router.get("/junit.xml", **text_answers("application/xml", "A JUnit report.", 404))
async def export_junit(_: Reader, services: Services, run_id: RunId) -> Response:
    """Read the results of a run as JUnit XML, one test suite an arm.

    A run that is cancelled, goes on or shows nothing is never a green file: an error says so.
    """
    run = await services.runs.show(run_id, whole=True)
    return Response(await asyncio.to_thread(junit.render, run), media_type="application/xml")
