"""What agents cost: how long tools' answers are, and how long they take beside their calls.

``python -m benchmarks.agents --url http://127.0.0.1:8000 --token fnd_… [--rounds 60]``

Against a service that runs, with a few tickets in it. Each tool is called right after the REST call
behind it, over HTTP both, so that what else the machine does falls on both alike; the median of the
ratios is printed. Prints Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

_TOKEN_CHARACTERS = 4
_WARM = 5
_SOURCE = "/api/v1/source?path=kasmina/blend_ops.py&lines=1-80"


async def _measure(rounds: int, *ways: Callable[[], Awaitable[Any]]) -> list[list[float]]:
    """Return the seconds of each way, round by round, after a few rounds that do not count."""
    taken: list[list[float]] = [[] for _ in ways]
    for number in range(rounds + _WARM):
        for way, times in zip(ways, taken, strict=True):
            started = time.perf_counter()
            await way()
            if number >= _WARM:
                times.append(time.perf_counter() - started)
    return taken


async def main(url: str, token: str, rounds: int) -> None:
    """Measure and print."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, base_url=url, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        tools = await client.list_tools()
        listed = len(tools.model_dump_json(by_alias=True, exclude_none=True).encode())
        rows = await client.call_tool("find", {})
        tokens = len(rows.content[0].text) / _TOKEN_CHARACTERS
        key = rows.structured_content["items"][0]["key"]
        print("| what | measured | aim |\n|---|---|---|")
        print(f"| `tools/list` | {listed / 1024:.1f} KB, {len(tools.tools)} tools | 20 KB, 15 |")
        count = len(rows.structured_content["items"])
        print(f"| {count} rows of `find` | {tokens:.0f} tokens | 1,500 |")
        pairs: list[tuple[str, dict[str, Any], str]] = [
            ("find", {}, "/api/v1/tickets?limit=10"),
            ("show", {"key": key}, f"/api/v1/tickets/{key}"),
            ("source", {"path": "kasmina/blend_ops.py", "lines": "1-80"}, _SOURCE),
        ]
        for tool, arguments, path in pairs:
            called, asked = await _measure(
                rounds,
                lambda tool=tool, given=arguments: client.call_tool(tool, given),
                lambda path=path: http.get(path),
            )
            ratio = statistics.median(a / b for a, b in zip(called, asked, strict=True))
            ms = [statistics.median(times) * 1000 for times in (called, asked)]
            told = f"{ms[0]:.1f} ms, {ms[1]:.1f} ms: {ratio:.2f} ×"
            print(f"| `{tool}`, call behind it | {told} | 1.5 × |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--token", required=True)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    asyncio.run(main(given.url, given.token, given.rounds))
