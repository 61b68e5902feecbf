"""Times as people read them: how long ago, or how far ahead."""

from __future__ import annotations

import time
from typing import Any

_UNITS = (
    ("y", 365 * 86400),
    ("mo", 30 * 86400),
    ("d", 86400),
    ("h", 3600),
    ("min", 60),
)
"""Names and seconds, the largest first."""


class Moment(str):
    """A time to the second, ``2025-01-31 12:00:00Z``, that knows how far away it is."""

    __slots__ = ()

    def brief(self) -> str:
        """Return it without its year."""
        return self[5:]

    def distance(self, now: float | None = None) -> str:
        """Return ``3 h ago``, ``in 20 min`` or ``just now``; `now` is in seconds since 1970."""
        import calendar  # slow to load, and most commands show no time

        try:
            at = calendar.timegm(time.strptime(self, "%Y-%m-%d %H:%M:%SZ"))
        except ValueError:
            return str(self)
        seconds = (time.time() if now is None else now) - at
        for unit, size in _UNITS:
            if abs(seconds) >= size:
                words = f"{int(abs(seconds) // size)} {unit}"
                return f"{words} ago" if seconds > 0 else f"in {words}"
        return "just now"


def moment(value: Any) -> Moment:
    """Return a time of the service, RFC 3339 in UTC, as a moment."""
    text = str(value or "")
    day, _, clock = text.partition("T")
    return Moment(f"{day} {clock[:8]}Z" if clock.endswith(("Z", "+00:00")) else text)
