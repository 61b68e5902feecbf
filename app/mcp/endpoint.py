"""The server at ``/mcp``: streamable HTTP in the process of the API, with its tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings

from app import strict_json
from app.errors import InvalidInput
from app.mcp.inside import App, Inside, Message
from app.mcp.server import make_server

Authenticate = Callable[[str], Awaitable[object]]


class Endpoint:
    """Answers the protocol's requests, each with a token of its own.

    No session is kept: whoever comes again after a restart, or at another process, goes on. A
    token that is revoked counts no more from the next request on.
    """

    def __init__(self, app: App, authenticate: Authenticate, *, known_as: str) -> None:
        """Make it.

        Args:
            app: the whole application, which tools call.
            authenticate: returns whom a token stands for, and refuses one that is not valid.
            known_as: where a request's scope says whom it comes from, so that calls which tools
                make need not look at the token once more.
        """
        self._app = app
        self._authenticate = authenticate
        self._known_as = known_as
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve for the length of the block; a mounted application's own lifespan is not run."""
        self._manager = StreamableHTTPSessionManager(
            make_server(self._inside),
            json_response=True,
            stateless=True,
            # Whose names are answered, the application's guard decides, for all paths alike.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        async with self._manager.run():
            yield
        self._manager = None

    def _inside(self, request: Any) -> Inside:
        known = {self._known_as: request.scope[self._known_as]}
        request.scope["state"]["logged_within"] = True
        return Inside(self._app, request.scope["headers"], known)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request.

        Raises:
            Unauthenticated: it brings no valid token.
        """
        headers = dict(scope["headers"])
        kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        caller = await self._authenticate(token.strip() if kind.lower() == "bearer" else "")
        if self._manager is None:
            raise RuntimeError("The endpoint is not running.")
        messages = await _whole_body(receive) if scope["method"] == "POST" else []
        if messages and messages[-1]["type"] == "http.request":  # else the client hung up
            try:
                await strict_json.parsed(b"".join(message.get("body", b"") for message in messages))
            except InvalidInput as error:
                await _refuse(error, send)
                return

        async def again() -> Any:
            return messages.pop(0) if messages else await receive()

        await self._manager.handle_request({**scope, self._known_as: caller}, again, send)


async def _whole_body(receive: Any) -> list[Message]:
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


async def _refuse(error: InvalidInput, send: Any) -> None:
    """Answer with JSON-RPC's error for what is no JSON; the library reads more than JSON allows."""
    told = "; ".join(f"{one.pointer} {one.detail}".lstrip() for one in error.errors)
    data = types.ErrorData(code=types.PARSE_ERROR, message=f"Parse error: {told}")
    answer = types.JSONRPCError(jsonrpc="2.0", id=None, error=data)
    content = answer.model_dump_json(by_alias=True, exclude_unset=True).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": content})
