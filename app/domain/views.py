"""Saved views: filters and an order of the list of tickets under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

MOST_OF_ONE = 100
"""So many views an account may have."""


@dataclass(frozen=True)
class ViewDraft:
    """A view to be saved."""

    name: str
    filters: Mapping[str, Any]
    """By the names of the list's filters: lists of words, words and flags."""
    sort: str
    shared: bool
    """Everybody sees it."""


@dataclass(frozen=True)
class View:
    """A saved view."""

    id: UUID
    name: str
    owner: str
    filters: Mapping[str, Any]
    sort: str
    shared: bool
    created_at: datetime
    updated_at: datetime

    @property
    def query(self) -> str:
        """The filters and the order as the address of the list holds them."""
        pairs: list[tuple[str, str]] = []
        for name, value in sorted(self.filters.items()):
            values = value if isinstance(value, list) else [value]
            pairs += [
                (name, str(one).lower() if isinstance(one, bool) else str(one)) for one in values
            ]
        if self.sort != "-created":
            pairs.append(("sort", self.sort))
        return urlencode(pairs)
