"""What became of the code that locations of tickets name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PlaceState(StrEnum):
    """What became of the code that a location names."""

    EXACT = "exact"
    MOVED = "moved"
    CHANGED = "changed"
    GONE = "gone"
    UNKNOWN = "unknown"

    @property
    def meaning(self) -> str:
        """What it says."""
        return _MEANS[self]


_MEANS = {
    PlaceState.EXACT: "The code stands where it was filed.",
    PlaceState.MOVED: "The same code stands elsewhere now.",
    PlaceState.CHANGED: "The place is there, and its code is another.",
    PlaceState.GONE: "The code is no longer there.",
    PlaceState.UNKNOWN: "No target has the file, or several places would fit.",
}


@dataclass(frozen=True)
class Relocated:
    """A location of a ticket, and what became of its code."""

    location: str
    """Its id."""
    state: PlaceState
    path: str | None
    start_line: int | None
    end_line: int | None
    """Where it is now; nothing where it is gone or unknown."""
