"""Statements of the hottest reads: built and compiled once, then only sent.

To put a large statement together costs the library more than to run it costs the server. What
stands here keeps its text; the driver prepares it on each connection by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ClauseElement


class Prepared:
    """A statement whose text never changes, only its parameters.

    Args:
        build: makes the statement, with ``bindparam(name)`` where a value is to stand. The driver
            gets and gives plain values: it suits text, numbers, times, ids, JSON and arrays.
    """

    def __init__(self, build: Callable[[], Executable]) -> None:
        self._build = build
        self._text: str | None = None
        self._constants: dict[str, Any] = {}

    async def execute(self, connection: AsyncConnection, **values: Any) -> CursorResult[Any]:
        """Run the statement with the values of its parameters."""
        if self._text is None:
            self._compile(connection)
        assert self._text is not None
        return await connection.exec_driver_sql(self._text, {**self._constants, **values})

    def _compile(self, connection: AsyncConnection) -> None:
        statement = self._build()
        assert isinstance(statement, ClauseElement)
        compiled = statement.compile(
            dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
        )
        self._constants = dict(compiled.params)
        self._text = str(compiled)
