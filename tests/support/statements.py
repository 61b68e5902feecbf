"""What is sent to the database, as the driver sees it: whoever put it together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from unittest.mock import patch

import psycopg

_seen: ContextVar[list[str] | None] = ContextVar("seen", default=None)


@contextmanager
def sent_statements() -> Iterator[list[str]]:
    """Give a list that fills up with the statements that this task sends in the block.

    What goes on in the background, such as looking through the suite, is not counted.
    """
    found: list[str] = []
    execute, execute_many = psycopg.AsyncCursor.execute, psycopg.AsyncCursor.executemany

    def note(query: Any) -> None:
        seen = _seen.get()
        if seen is not None:
            seen.append(query.decode() if isinstance(query, bytes) else str(query))

    async def noted(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        note(query)
        return await execute(self, query, *args, **options)

    async def noted_many(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        note(query)
        return await execute_many(self, query, *args, **options)

    token = _seen.set(found)
    try:
        with patch.multiple(psycopg.AsyncCursor, execute=noted, executemany=noted_many):
            yield found
    finally:
        _seen.reset(token)
