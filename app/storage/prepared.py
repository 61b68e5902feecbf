"""Statements of the hottest calls: built and compiled once, then only sent.

To put a large statement together costs the library more than to run it costs the server, and to
take it through the library's execution costs as much again. What stands here keeps its text and
goes to the driver directly, on the same connection and in the same transaction as all else.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import orjson
import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import BindParameter, Executable, Table, bindparam
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.elements import ClauseElement

Shape = TypeVar("Shape", bound=Hashable)

_PLACE = re.compile(r"%(?:\((\w+)\)s|%)")
"""Where the library leaves room for a value, or means a percent sign."""


class Prepared:
    """A statement whose text never changes, only its parameters.

    Args:
        build: makes the statement, with ``bindparam(name)`` where a value is to stand. The driver
            gets and gives plain values: it suits text, numbers, times, ids and arrays, and JSON,
            which is given as `as_json` writes it.
    """

    def __init__(self, build: Callable[[], Executable]) -> None:
        self._build = build
        self._text: bytes | None = None
        self._names: list[str] = []
        self._constants: dict[str, Any] = {}
        self._row_maker: Callable[[Sequence[Any]], Any] | None = None

    async def rows(self, connection: AsyncConnection, **values: Any) -> list[Any]:
        """Run the statement and return its rows, whose columns are attributes."""
        cursor = await self._executed(self._cursor(connection), values)
        return await cursor.fetchall()

    async def run(self, connection: AsyncConnection, **values: Any) -> None:
        """Run a statement that has no rows, or none that matter."""
        await self._executed(self._cursor(connection), values)

    async def row(self, connection: AsyncConnection, **values: Any) -> Any | None:
        """Run a statement that has at most one row, and return that or None.

        The cursor stays with its connection: a fresh one finds out anew how each column is read,
        which takes as long as to read one row. It keeps what it read last: one row.
        """
        kept = _pooled(connection).info
        cursor = kept.get(self)
        if cursor is None:
            cursor = kept[self] = self._cursor(connection)
        await self._executed(cursor, values)
        found = await cursor.fetchall()
        assert len(found) <= 1
        return found[0] if found else None

    def _cursor(self, connection: AsyncConnection) -> psycopg.AsyncRawCursor[Any]:
        if self._text is None:
            self._compile(connection)
        return psycopg.AsyncRawCursor(driver_of(connection), row_factory=self._rows_of)

    async def _executed(
        self, cursor: psycopg.AsyncRawCursor[Any], values: Mapping[str, Any]
    ) -> psycopg.AsyncRawCursor[Any]:
        assert self._text is not None
        given = {**self._constants, **values}
        await cursor.execute(self._text, [given[name] for name in self._names], prepare=True)
        return cursor

    def _compile(self, connection: AsyncConnection) -> None:
        statement = self._build()
        assert isinstance(statement, ClauseElement)
        compiled = statement.compile(
            dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
        )
        self._constants = dict(compiled.params)
        # Numbered, as the server wants them: the driver would look for names at each execution.
        self._names = list(dict.fromkeys(filter(None, _PLACE.findall(str(compiled)))))
        numbers: dict[str | None, str] = {None: "%"}
        numbers |= {name: f"${n}" for n, name in enumerate(self._names, 1)}
        self._text = _PLACE.sub(lambda found: numbers[found[1]], str(compiled)).encode()

    def _rows_of(self, cursor: Any) -> Callable[[Sequence[Any]], Any]:
        """Return what makes rows; always the same, because the columns are."""
        if self._row_maker is None and cursor.description is not None:
            self._row_maker = namedtuple_row(cursor)
        return self._row_maker or namedtuple_row(cursor)


class PreparedShapes(Generic[Shape]):
    """Statements that differ by shape, such as which filters a list has; the last ones used stay.

    Args:
        build: makes the statement of a shape.
        most: so many are kept.
    """

    def __init__(self, build: Callable[[Shape], Executable], most: int = 256) -> None:
        self._build = build
        self._most = most
        self._kept: OrderedDict[Shape, Prepared] = OrderedDict()

    def of(self, shape: Shape) -> Prepared:
        """Return the statement of `shape`."""
        found = self._kept.get(shape)
        if found is None:
            found = self._kept[shape] = Prepared(lambda: self._build(shape))
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(shape)
        return found


def new_values(table: Table, *names: str) -> dict[str, BindParameter[Any]]:
    """Return parameters for the values of columns, each called as its column with `new_` before.

    The names of the columns themselves the library keeps for its own parameters.
    """
    return {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}


def new(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under the names of the parameters of `new_values`."""
    return {f"new_{name}": value for name, value in values.items()}


def as_json(value: Any) -> str:
    """Return a value, in which dataclasses may stand, as statements take JSON."""
    return orjson.dumps(value).decode()


def as_array(numbers: Iterable[int]) -> str:
    """Return numbers as statements take an array: the driver would look at each of them."""
    return f"{{{','.join(map(str, numbers))}}}"


def sent_together(connection: AsyncConnection) -> AbstractAsyncContextManager[Any]:
    """Have what `Prepared.run` runs in the block sent without waiting for each; the end waits.

    The block raises the first error there is. It is for statements that nothing is read from.
    """
    return driver_of(connection).pipeline()


def driver_of(connection: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    """Return the driver's connection below `connection`, in whose transaction it takes part."""
    found = _pooled(connection).driver_connection
    assert isinstance(found, psycopg.AsyncConnection)
    return found


def _pooled(connection: AsyncConnection) -> PoolProxiedConnection:
    below = connection.sync_connection
    assert below is not None
    return below.connection
