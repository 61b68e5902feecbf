"""The server on standard input and output, for a client that starts it itself."""

from __future__ import annotations

import anyio
from mcp.server.stdio import stdio_server

from app.mcp.rest import Rest
from app.mcp.server import make_server


def serve(rest: Rest) -> None:
    """Serve one client until it hangs up."""
    anyio.run(_serve, rest)


async def _serve(rest: Rest) -> None:
    server = make_server(lambda _request: rest)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
