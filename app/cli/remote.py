"""The calls behind the tools for agents, made to a service over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from app.cli.client import Client
from app.cli.errors import CliError, Unreachable
from app.cli.server import Server
from app.mcp.rest import Answer, Call


class Remote:
    """Makes calls as the account of one token; several may be on their way at once."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._idle: list[Client] = []

    async def call(self, call: Call) -> Answer:
        """Make a call; what keeps it from being made is an answer too."""
        try:
            return await asyncio.to_thread(self._call, call)
        except Unreachable as error:
            return _problem(503, "The service is away", error)
        except CliError as error:
            return _problem(502, "The service did not answer as one", error)

    def _call(self, call: Call) -> Answer:
        client = self._idle.pop() if self._idle else Client(self._server)
        content, kind = call.body or (None, None)
        headers = {} if kind is None else {"Content-Type": kind}
        response = client.exchange(
            call.method, call.target, headers=headers, content=content, wait_s=call.wait_s
        )
        self._idle.append(client)
        return Answer(response.status, response.content)


def _problem(status: int, title: str, error: CliError) -> Answer:
    body: dict[str, Any] = {"title": title, "status": status, "detail": str(error)}
    return Answer(status, json.dumps(body).encode())
