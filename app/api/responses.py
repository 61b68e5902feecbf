"""JSON answers, encoded once and never cached."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import orjson
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

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


class Stream(StreamingResponse):
    """An answer that comes piece by piece, and lets go of what it holds when nobody takes more.

    A stream that is only dropped waits for the garbage collector, with its database connection.
    """

    def __init__(self, pieces: AsyncGenerator[bytes], media_type: str, **headers: str) -> None:
        super().__init__(pieces, 200, headers, media_type)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        async with aclosing(self._pieces):
            await super().__call__(scope, receive, send)


async def file_answer(pieces: AsyncGenerator[bytes], kind: Export, name: str) -> Response:
    """Answer with a file of an export, as it comes."""
    headers = {"Content-Disposition": f'attachment; filename="{name}{kind.suffix}"'}
    return Stream(await begun(pieces), kind.media_type, **headers)


STILL_HERE = b": still here\n\n"
"""Sent while nothing happens, so that neither side takes the other for gone."""


def event_bytes(kind: str, data: Any, number: object = None) -> bytes:
    """Return a server-sent event; a client names its number to go on behind it."""
    head = b"" if number is None else f"id: {number}\n".encode()
    return b"%bevent: %b\ndata: %b\n\n" % (head, kind.encode(), encode(data))


def events_answer(events: AsyncGenerator[bytes]) -> Response:
    """Answer with server-sent events, each as it comes."""
    return Stream(events, "text/event-stream")


async def begun(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Return a stream whose first piece is there: what cannot begin is a problem, and no answer."""
    begins = _begins(pieces)
    await anext(begins)
    return begins


async def _begins(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(pieces):
        first = await anext(pieces, b"")
        yield b""  # for whoever begins it: from here on to close this closes the pieces
        yield first
        async for piece in pieces:
            yield piece
