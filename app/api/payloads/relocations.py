"""What became of places in a checkout."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.api.payloads.fields import Output
from app.domain.relocated import PlaceState
from app.services.places import PlaceOfTicket


class RelocationOut(Output):
    """What became of the code of a location."""

    key: str = Field(description="Of the ticket.")
    location: str = Field(description="Its id.")
    filed: str = Field(description="What it names.", examples=["kasmina/blend_ops.py:59"])
    state: PlaceState
    path: str | None
    start_line: int | None
    end_line: int | None = Field(description="Where it is now.")


class RelocationsOut(Output):
    """What became of places, by ticket."""

    items: list[RelocationOut]
    next_cursor: str | None = None


def relocation_body(found: PlaceOfTicket) -> dict[str, Any]:
    """Return what became of a place."""
    place = found.location
    named = place.path or place.symbol or place.note
    return {
        "key": found.key,
        **{name: getattr(found.now, name) for name in found.now.__dataclass_fields__},
        "filed": f"{named}:{place.start_line}" if place.start_line else named,
    }
