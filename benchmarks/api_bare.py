"""The floor: a bare ASGI application that runs the service's own statements by the bare driver.

``python -m benchmarks.api_bare PORT URL STATEMENTS``: the file holds, for each path, the SQL and
the parameters (a list of sets, taken in turn) of its statements; they run in one transaction where
there are several. What comes back is sent as JSON.
"""

from __future__ import annotations

import contextlib
import itertools
import pickle
import sys
from pathlib import Path
from typing import Any

import orjson
import psycopg
import uvicorn
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

_HEADERS = [(b"content-type", b"application/json")]


class Bare:
    """Runs the statements of a path."""

    def __init__(self, url: str, plans: dict[str, list[tuple[str, list[Any]]]]) -> None:
        self._url = url
        self._plans = {
            path: [(sql.encode(), itertools.cycle(parameters)) for sql, parameters in steps]
            for path, steps in plans.items()
        }
        self._pool: AsyncConnectionPool | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if self._pool is None:
            self._pool = AsyncConnectionPool(
                self._url, min_size=8, max_size=8, open=False, kwargs={"autocommit": True}
            )
            await self._pool.open(wait=True)
        steps = self._plans.get(scope["path"])
        body = b"{}" if not steps else await self._run(steps)
        headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _run(self, steps: list[tuple[bytes, Any]]) -> bytes:
        assert self._pool is not None
        async with self._pool.connection() as connection:
            if len(steps) == 1:
                return await self._step(connection, steps[0][0], next(steps[0][1]))
            async with connection.transaction():
                for step in steps:
                    body = await self._step(connection, step[0], next(step[1]))
                return body

    async def _step(self, connection: psycopg.AsyncConnection, sql: bytes, params: Any) -> bytes:
        # The service's own statements number their values, as the server does.
        kind = psycopg.AsyncRawCursor if isinstance(params, list) else psycopg.AsyncCursor
        cursor = kind(connection, row_factory=tuple_row)
        await cursor.execute(sql, params, prepare=True)
        rows = await cursor.fetchall() if cursor.description else []
        return orjson.dumps(rows, default=str)


def main() -> None:
    """Serve."""
    port, url, plans = int(sys.argv[1]), sys.argv[2], pickle.loads(Path(sys.argv[3]).read_bytes())  # noqa: S301  # our own
    config = uvicorn.Config(
        Bare(url, plans), port=port, log_config=None, access_log=False, lifespan="off"
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
