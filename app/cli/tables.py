"""A table as commands build it, whatever it is drawn on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple


class Id(str):
    """An id that a list on a terminal shows the beginning of, and every command takes so."""

    __slots__ = ()
    LEAST = 8

    @classmethod
    def distinct(cls, ids: Collection[str]) -> int:
        """Return how many characters tell `ids` apart."""
        length = cls.LEAST
        longest = max(map(len, ids), default=0)
        while length < longest and len({text[:length] for text in ids}) < len(ids):
            length += 1
        return length


class Table(NamedTuple):
    """Rows under column names."""

    columns: tuple[str, ...]
    rows: Iterable[Sequence[object]]
    title: str = ""
    """Over the table on a terminal."""

    kind: str = ""
    """First cell of every plain line, where one answer holds lines of several kinds."""

    empty: str = ""
    """What a person reads when there are no rows; nothing: the table is left out."""

    cut: str = ""
    """The column that is cut so that a row is one line."""

    may_go: tuple[str, ...] = ()
    """Columns that a narrow terminal does without, the first one first."""

    prose: str = ""
    """The column that is written below the others, with its own lines."""
