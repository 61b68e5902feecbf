"""``Idempotency-Key``: a POST that is sent twice takes effect once, and is answered the same."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, cast

from fastapi import Depends, Request
from starlette.responses import Response

from app.domain.accounts import Actor
from app.domain.idempotency import Answer, KeyedRequest, folded, is_idempotency_key
from app.errors import FieldError, InvalidInput
from app.factory import Factory

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEPT_HEADERS = ("content-type", "location", "etag")

PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": (
        "A word of your own that stands for this request. Sent again within 24 hours, with the "
        "same body, it takes no second effect and is answered as the first time, with "
        f"`{REPLAYED}: true`; with another body it is refused (422). While the first is still "
        "being answered: 409 with `Retry-After`. Only successes are kept."
    ),
    "schema": {
        "type": "string",
        "minLength": 8,
        "maxLength": 200,
        "pattern": "^[\\x21-\\x7e]+$",
    },
}

Endpoint = Callable[..., Awaitable[Response]]
_current: ContextVar[Request | None] = ContextVar("keyed_request", default=None)


async def refuse_key(request: Request) -> None:
    """Refuse the header where an answer may not be kept, because it holds a secret.

    Raises:
        InvalidInput: it came.
    """
    if HEADER in request.headers:
        raise InvalidInput(
            FieldError(
                f"/{HEADER}",
                f"this call takes no {HEADER}: its answer holds a secret, which is kept nowhere. "
                "Leave the header out",
                location="header",
            )
        )


NoIdempotencyKey = Depends(refuse_key)
"""For the ``dependencies`` of routes that answer with a secret."""


def takes_key(methods: Any, dependencies: Any) -> bool:
    """Tell whether a route with these parts takes the header."""
    refused = any(part.dependency is refuse_key for part in dependencies or ())
    return "POST" in (methods or ()) and not refused


def answering_once(endpoint: Endpoint) -> Endpoint:
    """Wrap an endpoint so that it obeys the header; without one it is called as it is."""
    if hasattr(endpoint, "answers_once"):
        return endpoint

    @functools.wraps(endpoint)
    async def once(*args: Any, **values: Any) -> Response:
        request = _current.get()
        if request is None:
            return await endpoint(*args, **values)
        _current.set(None)
        factory = cast("Factory", request.app.state.factory)
        asked = await _asked(request)

        async def answer() -> Answer:
            return _kept(await endpoint(*args, **values))

        actor = cast("Actor", request.state.actor)
        given, replayed = await factory.idempotency.once(actor, asked, answer)
        response = Response(given.body, given.status, dict(given.headers))
        if replayed:
            response.headers[REPLAYED] = "true"
        return response

    once.answers_once = True  # type: ignore[attr-defined]  # the mark that it is wrapped
    return once


def note_key(request: Request) -> None:
    """Check the header of a request, and note the request for its endpoint if it came.

    Raises:
        InvalidInput: the key has a form that is not accepted.
    """
    key = request.headers.get(HEADER)
    _current.set(None if key is None else request)
    if key is not None and not is_idempotency_key(key):
        raise InvalidInput(
            FieldError(
                f"/{HEADER}",
                f"{HEADER} should have 8 to 200 visible ASCII characters, without spaces",
                location="header",
            )
        )


async def _asked(request: Request) -> KeyedRequest:
    content = (
        request.url.query.encode("utf-8", "surrogateescape"),
        request.headers.get("content-type", "").encode("latin-1"),
        await request.body(),
    )
    return KeyedRequest(
        key=request.headers[HEADER],
        method=request.method,
        path=request.url.path,
        content=folded(content),
    )


def _kept(response: Response) -> Answer:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return Answer(response.status_code, headers, bytes(response.body))
