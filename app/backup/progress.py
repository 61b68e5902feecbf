"""How far a dump is, in bytes of the tables that it reads: how long it gets nobody knows before."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import IO

import psycopg

_BEGUN = re.compile(rb'dumping contents of table "?([^"\n]+?)"?\n')
"""What pg_dump says of each table, with ``--verbose``."""


def table_sizes(url: str) -> dict[str, int]:
    """Return the tables of a database as ``schema.name``, each with its size in bytes."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        rows = connection.execute(
            "SELECT n.nspname || '.' || c.relname, pg_table_size(c.oid) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
            "AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
    return {str(name): int(size) for name, size in rows}


class TablesRead:
    """Follows what pg_dump says and writes, and tells how many bytes of tables it has read."""

    def __init__(
        self, sizes: Mapping[str, int], said: IO[bytes], tell: Callable[[int], None]
    ) -> None:
        """Follow a dump.

        Args:
            sizes: of the tables, in bytes, by ``schema.name``.
            said: the file that holds pg_dump's messages.
            tell: hears of bytes that were read since it heard last.
        """
        self._sizes = sizes
        self._said = said
        self._tell = tell
        self._looked_at = 0
        self._left = 0
        """Bytes of the present table that were not told yet."""

    def wrote(self, size: int) -> None:
        """Take note that so many bytes of the dump came: no more than were read for them."""
        text = os.pread(self._said.fileno(), 1 << 20, self._looked_at)
        end = text.rfind(b"\n") + 1
        self._looked_at += end
        for name in _BEGUN.findall(text[:end]):
            self._pass(self._left)
            self._left = self._sizes.get(name.decode("utf-8", "replace"), 0)
        self._pass(min(size, self._left))

    def ended(self) -> None:
        """Take note that the last table is through."""
        self._pass(self._left)

    def _pass(self, size: int) -> None:
        self._left -= size
        self._tell(size)
