#!/usr/bin/env bash
# In the MCP Python SDK an argument declared `str | None` is read as JSON if it is JSON of another
# kind: the text "null" arrives as None, a text that is a JSON list is refused. Plain `str` is not.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check mcp==2.3.0
cd "$dir"

"$dir/venv/bin/python" - <<'PY'
import asyncio
import sys
from importlib.metadata import version

from mcp import Client
from mcp.server import MCPServer

server = MCPServer("sample", log_level="ERROR")


@server.tool()
def plain(query: str) -> str:
    return f"query is {query!r}"


@server.tool()
def optional(query: str | None = None) -> str:
    return f"query is {query!r}"


async def ask():
    answers = {}
    async with Client(server) as client:
        for tool in ("plain", "optional"):
            for query in ("null", '["a"]', "5"):
                answer = await client.call_tool(tool, {"query": query})
                text = answer.content[0].text
                answers[tool, query] = "an error" if answer.is_error else text
    return answers


seen = asyncio.run(ask())
print("versions: mcp", version("mcp"))
print("expected: both tools receive the three texts as they were sent")
for (tool, query), answer in seen.items():
    print(f"seen:     {tool} given the text {query}: {answer}")
sys.exit(
    any(seen["plain", query] != f"query is {query!r}" for query in ("null", '["a"]', "5"))
    or seen["optional", "null"] != "query is None"
    or seen["optional", '["a"]'] != "an error"
    or seen["optional", "5"] != "query is '5'"
)
PY
