#!/usr/bin/env bash
# A tool of the MCP Python SDK that declares a model and returns a subclass of it sends the
# subclass's fields too, although its published output schema does not name them.
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
from pydantic import BaseModel, TypeAdapter


class Review(BaseModel):
    ticket: str


class StoredReview(Review):
    reviewer_note: str = "not for the author"


server = MCPServer("sample", log_level="ERROR")


@server.tool()
def review() -> Review:
    return StoredReview(ticket="A-1")


async def ask():
    async with Client(server) as client:
        (tool,) = (await client.list_tools()).tools
        answer = await client.call_tool("review", {})
        return sorted(tool.output_schema["properties"]), answer.structured_content


declared, sent = asyncio.run(ask())
by_pydantic = TypeAdapter(Review).dump_python(StoredReview(ticket="A-1"), warnings=False)
print("versions: mcp", version("mcp"), "pydantic", version("pydantic"))
print("expected: the declared fields", declared, "as pydantic itself writes them:", by_pydantic)
print("seen:    ", sent)
sys.exit(
    (declared, by_pydantic, sent)
    != (["ticket"], {"ticket": "A-1"}, {"ticket": "A-1", "reviewer_note": "not for the author"})
)
PY
