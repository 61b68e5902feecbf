"""A table as commands build it, whatever it is drawn on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows under column names."""

    columns: tuple[str, ...]
    rows: Iterable[Sequence[object]]
    title: str = ""
    """Over the table on a terminal."""

    kind: str = ""
    """First cell of every plain line, where one answer holds lines of several kinds."""

    empty: str = ""
    """What a person reads when there are no rows; nothing: the table is left out."""
