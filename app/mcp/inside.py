"""Calls of the API within its own process, past the network but through all of its checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from app.mcp.rest import Answer, Call

Message = MutableMapping[str, Any]
App = Callable[..., Awaitable[None]]

_HANDED_ON = (b"authorization", b"host", b"x-request-id")


class Inside:
    """Makes calls on behalf of the request that a tool was called by."""

    def __init__(
        self,
        app: App,
        headers: Sequence[tuple[bytes, bytes]],
        known: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Make it.

        Args:
            app: the whole application.
            headers: of the request that the tool was called by.
            known: what a request's scope says besides, of whom it comes from.
        """
        self._app = app
        self._known = known
        self._headers = [pair for pair in headers if pair[0] in _HANDED_ON]

    async def call(self, call: Call) -> Answer:
        """Make a call."""
        path, _, query = call.target.partition("?")
        headers = [*self._headers, (b"accept", b"application/json")]
        content = b""
        if call.body is not None:
            content, kind = call.body
            headers.append((b"content-type", kind.encode()))
        headers.append((b"content-length", str(len(content)).encode()))
        scope = {
            **self._known,
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": call.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": headers,
            "client": None,
            "server": None,
            "state": {},
        }
        exchange = _Exchange(content)
        await self._app(scope, exchange.receive, exchange.send)
        return Answer(exchange.status, b"".join(exchange.pieces))


class _Exchange:
    """One request and its answer."""

    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content
        self.status = 500
        self.pieces: list[bytes] = []

    async def receive(self) -> Message:
        if self._content is None:
            return {"type": "http.disconnect"}
        content, self._content = self._content, None
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.pieces.append(message.get("body", b""))
