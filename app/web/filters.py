"""The filters of ticket lists as an address holds them, and the chips that show them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from app.domain.evidence import EvidenceState
from app.domain.relocated import PlaceState
from app.domain.reviews import GIVEN_VERDICTS
from app.domain.strength import STRENGTH_FORM, STRENGTH_WORDS
from app.domain.tickets import Category, Resolution, Severity, Status
from app.storage.ticket_lists import TicketFilter

WORDS: Mapping[str, tuple[str, ...]] = {
    "severity": tuple(Severity),
    "status": tuple(Status),
    "evidence": tuple(EvidenceState),
    "verdict": tuple(GIVEN_VERDICTS),
    "resolution": tuple(Resolution),
    "category": tuple(Category),
    "location": tuple(PlaceState),
    "strength": tuple(STRENGTH_WORDS),
}
"""Filters with a short list of words."""

TEXTS = ("domain", "target", "agent", "reviewer", "assignee", "created_by", "scanner", "rule")
FLAGS: Mapping[str, str] = {
    "stale": "evidence is stale",
    "closable": "ready to close",
    "objected": "an objection is unanswered",
    "waived": "closed without evidence",
    "drift": "folder and status disagree",
    "reported": "scanners report it",
}
_NAMES = {"q": "words", "created_by": "filed by", "agent": "found by", "reviewer": "reviewed by"}
SORTS: Mapping[str, str] = {
    "-created": "newest first",
    "created": "oldest first",
    "-updated": "last changed first",
    "severity": "gravest first",
    "key": "by key",
    "strength": "weakest tests first",
}
_MOST = 50


@dataclass(frozen=True)
class Chip:
    """A filter in force, in words, with the address of the list without it."""

    words: str
    without: str


@dataclass(frozen=True)
class Wanted:
    """What a visitor wants to see of the tickets."""

    filter: TicketFilter
    sort: str
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

    def sorted_by(self, sort: str) -> str:
        """Return the address of this list in another order."""
        return replace(self, sort=sort).address()

    def body(self) -> dict[str, Any]:
        """Return filters and order as a saved view of the API has them."""
        single = (*FLAGS, "q")
        found: dict[str, Any] = {
            name: values[0] if name in single else list(values)
            for name, values in self.chosen.items()
        }
        found |= {name: found[name] == "true" for name in FLAGS if name in found}
        found |= {"batch": [int(one) for one in found["batch"]]} if "batch" in found else {}
        return {"filters": found, "sort": self.sort}

    def chips(self) -> list[Chip]:
        """Return the filters in force, and the order where it is not the usual one."""
        pairs = self._pairs()
        return [
            Chip(_said(name, value), f"/tickets?{_query(p for p in pairs if p != (name, value))}")
            for name, value in pairs
        ]

    def _pairs(self) -> list[tuple[str, str]]:
        pairs = [(name, value) for name, values in self.chosen.items() for value in values]
        if self.sort != "-created":
            pairs.append(("sort", self.sort))
        return pairs


def _said(name: str, value: str) -> str:
    if name in FLAGS:
        return FLAGS[name] if value == "true" else f"not: {FLAGS[name]}"
    if name == "sort":
        return SORTS[value]
    return f"{_NAMES.get(name, name)}: {value}"


def _query(pairs: Any) -> str:
    return urlencode(list(pairs))


def read(params: QueryParams) -> Wanted:
    """Return what an address asks for; what no list can mean is left out, and said."""
    chosen: dict[str, tuple[str, ...]] = {}
    ignored: list[str] = []
    for name, words in WORDS.items():
        values = _values(params, name)
        known = tuple(value for value in values if value in words or _is_bound(name, value))
        ignored += [f"{name} {value[:40]!r}" for value in values if value not in known]
        _put(chosen, name, known)
    for name in TEXTS:
        _put(chosen, name, tuple(value[:200] for value in _values(params, name)))
    numbers = _values(params, "batch")
    _put(chosen, "batch", tuple(n for n in numbers if n.isascii() and n.isdigit() and len(n) < 7))
    for name in FLAGS:
        _put(chosen, name, tuple(v for v in _values(params, name)[:1] if v in ("true", "false")))
    _put(chosen, "q", tuple(value[:500] for value in _values(params, "q")[:1]))
    sort = params.get("sort", "-created")
    return Wanted(
        filter=_filter(chosen),
        sort=sort if sort in SORTS else "-created",
        chosen=chosen,
        ignored=tuple(ignored),
    )


def _is_bound(name: str, value: str) -> bool:
    """Whether a value is like ``<0.8``, which strength may be."""
    return name == "strength" and re.fullmatch(STRENGTH_FORM, value) is not None


def _values(params: QueryParams, name: str) -> Sequence[str]:
    found = (value.replace("\x00", "").strip() for value in params.getlist(name))
    return list(dict.fromkeys(value for value in found if value))[:_MOST]


def _put(chosen: dict[str, tuple[str, ...]], name: str, values: tuple[str, ...]) -> None:
    if values:
        chosen[name] = values


def _filter(chosen: Mapping[str, tuple[str, ...]]) -> TicketFilter:
    many: dict[str, Any] = {name: chosen.get(name, ()) for name in (*WORDS, *TEXTS)}
    flags: dict[str, Any] = {name: chosen[name][0] == "true" for name in FLAGS if name in chosen}
    batch = tuple(int(number) for number in chosen.get("batch", ()))
    return TicketFilter(**many, **flags, batch=batch, q=chosen.get("q", (None,))[0])
