"""The official client: in memory, over HTTP, over pipes."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from app.config import PROJECT_ROOT
from app.mcp.bounds import MOST_BYTES
from app.mcp.inside import Inside
from app.mcp.server import make_server
from tests.support.api import Api
from tests.support.service import Service


def in_memory(api: Api, name: str = "admin", **options: Any) -> Client:
    """A client and a server in this process, as the account `name`."""
    headers = [(b"authorization", f"Bearer {api.tokens[name]}".encode()), (b"host", b"test")]
    app = api.client._transport.app  # type: ignore[attr-defined]  # the transport's own
    return Client(make_server(lambda _request: Inside(app, headers)), **options)


@contextlib.asynccontextmanager
async def over_http(url: str, token: str, **options: Any) -> AsyncIterator[Client]:
    """A client of a service in another process."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), **options) as client,
    ):
        yield client


def over_pipes(service: Service, token: str | None = None) -> Client:
    """A client that starts ``findings mcp`` itself."""
    environment = service.environment() | ({} if token is None else {"FINDINGS_TOKEN": token})
    command = [sys.executable, "-m", "app.cli", "mcp"]
    parameters = StdioServerParameters(
        command=command[0], args=command[1:], env=environment, cwd=str(PROJECT_ROOT)
    )
    return Client(stdio_client(parameters))


async def use(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool that must not refuse."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return checked(result)


async def refused(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool that must refuse."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result.content
    return checked(result)


def checked(result: Any) -> dict[str, Any]:
    """What a result holds, which is not too long, and the same as text."""
    assert len(result.model_dump_json(by_alias=True)) <= MOST_BYTES
    found: dict[str, Any] = result.structured_content
    assert json.loads(result.content[0].text) == found
    return found
