"""What happens around every request: id, log line, body limit, safe headers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem, unforeseen
from app.errors import PayloadTooLarge
from app.storage.rows import new_id

log = structlog.get_logger("app.access")

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")

API = "/api/v1"
"""Prefix of the routes of the API."""

_PROBES = ("/healthz", "/readyz")
"""Asked every few seconds by machines: not worth a line while all is well."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}

RawHeader = tuple[bytes, bytes]
_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]


class RequestContext:
    """Gives every request an id, logs it once and sets the headers that all answers carry.

    One that leads to calls within, each of which is logged, says so: `logged_within` of its state.
    """

    def __init__(
        self, app: ASGIApp, observe: Callable[[str, str, int, float], None] | None = None
    ) -> None:
        """`observe` is told method, template of the route, status and seconds of each request."""
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status, answered = time.perf_counter(), 500, False

        async def send_marked(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], True
                allowance = scope["state"].get("allowance", {})
                message["headers"] = _marked(message["headers"], request_id, allowance)
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except ClientDisconnect:
            # It hung up in the midst of its request: nobody is left to hear of it.
            status = 499
        except Exception as error:
            # Here and not further out, so that this answer too has its id and its headers.
            if answered:
                raise
            await unforeseen(Request(scope), error)(scope, receive, send_marked)
        finally:
            seconds = time.perf_counter() - started
            if self._observe is not None:
                self._observe(_known(scope["method"]), route_of(scope), status, seconds)
            told = scope["path"] in _PROBES or scope["state"].get("logged_within")
            quiet = status < 400 and told
            (log.debug if quiet else log.info)(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round(seconds * 1000, 1),
            )


def _marked(
    given: Iterable[RawHeader], request_id: str, allowance: Mapping[str, str]
) -> list[RawHeader]:
    """Return the headers of an answer with those that all answers carry."""
    found = list(given)
    there = {name for name, _ in found}
    found += [header for header in _RAW_HEADERS if header[0] not in there]
    found.append((b"x-request-id", request_id.encode()))
    found += [(name.lower().encode(), value.encode()) for name, value in allowance.items()]
    return found


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _known(method: str) -> str:
    """Return the method, which a stranger may make up: each would be a series of its own."""
    return method if method in _METHODS else "other"


def route_of(scope: Scope) -> str:
    """Return the template of the route that a request went to, such as ``/tickets/{key}``."""
    path = str(getattr(scope.get("route"), "path", None) or "none")
    # A route of an included router knows nothing of the prefix that it was included under.
    prefixed = path.startswith("/") and scope["path"].startswith(f"{API}/")
    return f"{API}{path}" if prefixed and not path.startswith(f"{API}/") else path


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if _ACCEPTED_ID.fullmatch(given):
                return str(given)
    return str(new_id())


class BodyLimit:
    """Refuses bodies over the limit, by their announced length or while they come in."""

    def __init__(self, app: ASGIApp, limit_for: Callable[[str, str], int]) -> None:
        self._app = app
        self._limit_for = limit_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_for(scope["method"], scope["path"])
        if _announced(scope) > limit:
            await self._refuse(scope, receive, send, limit)
            return
        received, answered = 0, False

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _TooLarge
            return message

        async def send_noted(message: Message) -> None:
            nonlocal answered
            answered = answered or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive_counted, send_noted)
        except _TooLarge:
            if answered:
                raise
            await self._refuse(scope, receive, send, limit)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        error = PayloadTooLarge(
            f"The body is larger than the {limit} bytes that this call accepts."
        )
        await problem(Request(scope), error)(scope, receive, send)


class HeadAsGet:
    """Answers HEAD as GET would be answered, without the body.

    A stream, which might never end, is not begun.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})
            elif message.get("more_body"):
                raise _HeadIsSent

        try:
            await self._app(as_get, receive, send_head)
        except _HeadIsSent:
            pass
        finally:
            # Whoever counts requests outside looks for the route.
            scope["route"] = as_get.get("route")


class _HeadIsSent(BaseException):
    """Passes through handlers that catch every Exception."""


class _TooLarge(BaseException):
    """Passes through handlers that catch every Exception."""


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
