"""Run with an mcp 1.x first on its path: its client against this service.

Arguments: the service's URL, then the command of its pipes. The token comes by `FINDINGS_TOKEN`.
Prints what it saw as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from importlib.metadata import version
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def look(read: Any, write: Any) -> dict[str, Any]:
    """File a ticket and look at it, and be refused."""
    async with ClientSession(read, write) as session:
        hello = await session.initialize()
        tools = await session.list_tools()
        given = {"title": "By an older client", "severity": "P3", "batch": 9, "agent": "drl"}
        filed = await session.call_tool("file", {**given, "summary": "s", "domains": ["kasmina"]})
        key = filed.structuredContent["key"]
        shown = await session.call_tool("show", {"key": key})
        refused = await session.call_tool("show", {"kye": key})
        document = await session.read_resource(f"finding://{key}")
        return {
            "protocol": hello.protocolVersion,
            "tools": len(tools.tools),
            "key": key,
            "title": shown.structuredContent["untrusted_title"],
            "refused": [refused.isError, refused.structuredContent["status"]],
            "document": key in document.contents[0].text,
        }


async def main(url: str, *command: str) -> None:
    """Over HTTP, then over pipes."""
    token = os.environ["FINDINGS_TOKEN"]
    headers = {"Authorization": f"Bearer {token}"}
    async with streamablehttp_client(f"{url}/mcp", headers=headers) as (read, write, _):
        over_http = await look(read, write)
    # The server it starts uses the newer library, which has the same name.
    environment = {**os.environ, "PYTHONPATH": os.environ["SERVER_PYTHONPATH"]}
    server = StdioServerParameters(command=command[0], args=[*command[1:]], env=environment)
    async with stdio_client(server) as (read, write):
        over_pipes = await look(read, write)
    found = {"mcp": version("mcp"), "http": over_http, "pipes": over_pipes}
    print(json.dumps(found))


asyncio.run(main(*sys.argv[1:]))
