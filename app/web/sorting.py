"""Lists that a page has whole: in the order of any of their headers, as the address says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

Row = TypeVar("Row")


@dataclass(frozen=True)
class Heads:
    """The headers of a list, and by which of them it goes."""

    path: str
    query: Mapping[str, list[str]]
    by: str
    """Its name; empty while the list is in its own order."""
    descending: bool

    def address(self, name: str) -> str:
        """Return the address of the list in the order of a header; backwards if it is so now."""
        backwards = self.by == name and not self.descending
        query = {**self.query, "sort": [f"-{name}" if backwards else name]}
        return f"{self.path}?{urlencode(query, doseq=True)}"

    def direction(self, name: str) -> str | None:
        """Return how the list goes by a header, in the words of ``aria-sort``."""
        if name != self.by:
            return None
        return "descending" if self.descending else "ascending"


def sorted_rows(
    request: Request, rows: Iterable[Row], values: Mapping[str, Callable[[Row], Any]]
) -> tuple[list[Row], Heads]:
    """Return rows in the order that the address asks for, and the headers to ask for another.

    Args:
        request: its parameter ``sort`` names a header, with ``-`` backwards; what names none
            leaves the rows as they are.
        rows: all that the page shows.
        values: by header what its column is sorted by; rows without a value come last.
    """
    asked = request.query_params.get("sort", "")
    name, descending = asked.removeprefix("-"), asked.startswith("-")
    kept = {
        key: request.query_params.getlist(key)
        for key in request.query_params
        if key not in ("sort", "cursor")
    }
    found = list(rows)
    if (value := values.get(name)) is None:
        return found, Heads(request.url.path, kept, "", descending=False)
    told = [row for row in found if value(row) is not None]
    told.sort(key=lambda row: _folded(value(row)), reverse=descending)
    untold = [row for row in found if value(row) is None]
    return told + untold, Heads(request.url.path, kept, name, descending)


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
