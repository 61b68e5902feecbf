"""JSON answers, encoded once and never cached."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

import orjson
from starlette.responses import Response, StreamingResponse

from app.domain.exports import Export

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def encode(content: Any) -> bytes:
    """Return `content` as JSON; dataclasses, enums, UUIDs and times included."""
    return orjson.dumps(content, option=_OPTIONS)


class JsonResponse(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return encode(content)


class ProblemResponse(JsonResponse):
    """An error after RFC 9457."""

    media_type = "application/problem+json"


def created(content: Any, location: str, *, etag: str | None = None) -> JsonResponse:
    """Answer 201 with where the new thing is."""
    headers: dict[str, str] = {"Location": location}
    if etag is not None:
        headers["ETag"] = etag
    return JsonResponse(content, 201, headers)


def with_etag(content: Any, etag: str) -> JsonResponse:
    """Answer 200 with an ETag."""
    headers: Mapping[str, str] = {"ETag": etag}
    return JsonResponse(content, 200, headers)


async def file_answer(pieces: AsyncGenerator[bytes], kind: Export, name: str) -> Response:
    """Answer with a file of an export, as it comes."""
    headers = {"Content-Disposition": f'attachment; filename="{name}{kind.suffix}"'}
    return StreamingResponse(await begun(pieces), 200, headers, kind.media_type)


STILL_HERE = b": still here\n\n"
"""Sent while nothing happens, so that neither side takes the other for gone."""


def event_bytes(kind: str, data: Any, number: object = None) -> bytes:
    """Return a server-sent event; a client names its number to go on behind it."""
    head = b"" if number is None else f"id: {number}\n".encode()
    return b"%bevent: %b\ndata: %b\n\n" % (head, kind.encode(), encode(data))


def events_answer(events: AsyncIterator[bytes]) -> Response:
    """Answer with server-sent events, each as it comes."""
    return StreamingResponse(events, media_type="text/event-stream")


async def begun(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Return a stream whose first piece is there: what cannot begin is a problem, and no answer."""
    first = await anext(pieces, b"")
    return _going_on(first, pieces)


async def _going_on(first: bytes, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece
