"""The server at ``/mcp``: streamable HTTP in the process of the API, with its tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings

from app.mcp.inside import App, Inside
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
        await self._manager.handle_request({**scope, self._known_as: caller}, receive, send)
