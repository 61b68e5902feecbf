"""What can be taken back for a moment after it was removed."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

OFFERED_S = 10
"""So long a page offers to take a removal back."""

TAKEN_BACK_FOR = timedelta(seconds=OFFERED_S + 5)
"""So long it is done: a click in the last second is still on its way."""


class PartKind(StrEnum):
    """A part of a ticket that can be removed and put back."""

    PATCH = "patch"
    TEST = "test"
    """Linked by hand."""
    FILE = "file"
    """A test that was handed in."""
    NOTE = "note"
