"""The filters of ticket lists as an address holds them, and the chips that show them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from app.domain.filter_words import WORDS
from app.domain.filters import FILTERS, ORDERS, Filter, TicketFilter, TicketOrder
from app.domain.strength import STRENGTH_FORM


@dataclass(frozen=True)
class Chip:
    """A filter in force, in words, with the address of the list without it."""

    words: str
    without: str


@dataclass(frozen=True)
class Wanted:
    """What a visitor wants to see of the tickets."""

    filter: TicketFilter
    sort: TicketOrder
    chosen: Mapping[str, tuple[str, ...]]
    ignored: tuple[str, ...]
    """What the address says and no list can mean, in words."""

    @property
    def query(self) -> str:
        """The filters and the order as an address holds them."""
        return _query(self._pairs())

    def address(self, path: str = "/tickets", **more: str) -> str:
        """Return the address of this list, with more parameters."""
        query = _query([*self._pairs(), *more.items()])
        return f"{path}?{query}" if query else path

    def sorted_by(self, sort: TicketOrder) -> str:
        """Return the address of this list in another order."""
        return replace(self, sort=sort).address()

    def body(self) -> dict[str, Any]:
        """Return filters and order as a saved view of the API has them."""
        return {"filters": _typed(self.chosen), "sort": self.sort}

    def chips(self) -> list[Chip]:
        """Return the filters in force, and the order where it is not the usual one."""
        pairs = self._pairs()
        return [
            Chip(
                _words_of(name, value), f"/tickets?{_query(p for p in pairs if p != (name, value))}"
            )
            for name, value in pairs
        ]

    def _pairs(self) -> list[tuple[str, str]]:
        pairs = [(name, value) for name, values in self.chosen.items() for value in values]
        if self.sort != "-created":
            pairs.append(("sort", self.sort))
        return pairs


def _words_of(name: str, value: str) -> str:
    if name == "sort":
        return ORDERS[value]  # type: ignore[index]  # one of them, see `read`
    asked = FILTERS[name]
    if asked.is_flag:
        return asked.label if value == "true" else f"not: {asked.label}"
    return f"{asked.label}: {value}"


def _query(pairs: Any) -> str:
    return urlencode(list(pairs))


def read(params: QueryParams) -> Wanted:
    """Return what an address asks for; what no list can mean is left out, and said."""
    chosen: dict[str, tuple[str, ...]] = {}
    ignored: list[str] = []
    for name, asked in FILTERS.items():
        given = _values(params, name)[: 1 if asked.is_single else asked.most]
        known = [value[:500] for value in given if _is_known(asked, value)]
        if asked.values in WORDS:
            ignored += [f"{name} {value[:40]!r}" for value in given if value not in known]
        if known:
            chosen[name] = tuple(known)
    asked_for = params.get("sort")
    sort: TicketOrder = next((one for one in ORDERS if one == asked_for), "-created")
    return Wanted(
        filter=_filter(chosen),
        sort=sort,
        chosen=chosen,
        ignored=tuple(ignored),
    )


def _values(params: QueryParams, name: str) -> Sequence[str]:
    found = (value.replace("\x00", "").strip() for value in params.getlist(name))
    return list(dict.fromkeys(value for value in found if value))


def _is_known(asked: Filter, value: str) -> bool:
    """Whether a ticket can have it; words of no kind may be any."""
    match asked.values:
        case "flag":
            return value in ("true", "false")
        case "number":
            return value.isascii() and value.isdigit() and len(value) < 7
        case "strength":
            return re.fullmatch(STRENGTH_FORM, value) is not None
        case kind:
            return kind not in WORDS or value in WORDS[kind]


def _filter(chosen: Mapping[str, Sequence[str]]) -> TicketFilter:
    typed = _typed(chosen)
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in typed.items()
    }
    return TicketFilter(**values)


def _typed(chosen: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the values as the API has them: lists of words and numbers, flags, one text."""
    found: dict[str, Any] = {}
    for name, values in chosen.items():
        asked = FILTERS[name]
        if asked.is_flag:
            found[name] = values[0] == "true"
        elif asked.is_single:
            found[name] = values[0]
        else:
            found[name] = [int(one) if asked.values == "number" else one for one in values]
    return found
