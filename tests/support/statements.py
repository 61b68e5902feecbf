"""What is sent to the database, as the driver sees it: whoever put it together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg


@contextmanager
def sent_statements() -> Iterator[list[str]]:
    """Give a list that fills up with the statements that this process sends in the block.

    The library's question whether a connection lives is none.
    """
    found: list[str] = []
    execute, execute_many = psycopg.AsyncCursor.execute, psycopg.AsyncCursor.executemany

    def note(query: Any) -> None:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if text != ";":
            found.append(text)

    async def noted(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        note(query)
        return await execute(self, query, *args, **options)

    async def noted_many(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        note(query)
        return await execute_many(self, query, *args, **options)

    with patch.multiple(psycopg.AsyncCursor, execute=noted, executemany=noted_many):
        yield found
