"""How much one account may ask for: a bucket of tokens that fills up again at a steady rate."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

WINDOW_S = 60
"""Over which the quota is said."""

_BURST_S = 10
"""A full bucket holds what so many seconds give: a page's worth of calls need not be spread out."""
_MOST_BUCKETS = 10_000


@dataclass(frozen=True)
class Allowance:
    """Where an account stands after a request."""

    quota: int
    """Requests in a window."""
    remaining: int
    """Requests that it may send at once."""
    reset_s: int
    """Seconds until it may send as many as ever."""
    retry_after_s: int
    """Seconds to wait before the next request; 0 when this one was within the quota."""

    @property
    def allowed(self) -> bool:
        """Whether this request was within the quota."""
        return self.retry_after_s == 0

    def headers(self) -> dict[str, str]:
        """Return the fields that tell it, after draft-ietf-httpapi-ratelimit-headers."""
        return {
            "RateLimit-Policy": f'"account";q={self.quota};w={WINDOW_S}',
            "RateLimit": f'"account";r={self.remaining};t={self.reset_s}',
        }


class RateLimits:
    """Buckets by account."""

    def __init__(self, per_minute: int) -> None:
        """With 0 per minute there is no limit."""
        self._quota = per_minute
        self._rate = per_minute / WINDOW_S
        self._capacity = max(1.0, self._rate * _BURST_S)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, account: str, now: float) -> Allowance | None:
        """Count a request at `now` (seconds, of any clock that never goes back); None: no limit."""
        if not self._quota:
            return None
        level, at = self._buckets.pop(account, (self._capacity, now))
        level = min(self._capacity, level + (now - at) * self._rate)
        allowed = level >= 1
        if allowed:
            level -= 1
        self._buckets[account] = (level, now)
        while len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)  # the longest unused, and so the fullest
        return Allowance(
            quota=self._quota,
            remaining=math.floor(level),
            reset_s=math.ceil((self._capacity - level) / self._rate),
            retry_after_s=0 if allowed else max(1, math.ceil((1 - level) / self._rate)),
        )
