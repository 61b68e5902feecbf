"""A bucket gives a burst, then a steady rate, each account its own."""

from __future__ import annotations

import pytest

from app.domain.limits import RateLimits


def allowed(limits: RateLimits, account: str, times: int, now: float) -> int:
    taken = [limits.take(account, now) for _ in range(times)]
    return sum(one is not None and one.allowed for one in taken)


@pytest.mark.parametrize(
    ("per_minute", "after_s", "burst", "later"),
    [(60, 0, 10, 0), (60, 3, 10, 3), (60, 1000, 10, 10), (1, 59, 1, 0), (1, 60, 1, 1)],
)
def test_a_burst_and_what_has_come_back(
    per_minute: int, after_s: float, burst: int, later: int
) -> None:
    limits = RateLimits(per_minute)

    assert allowed(limits, "a", 50, 100.0) == burst
    assert allowed(limits, "a", 50, 100.0 + after_s) == later


def test_a_greedy_account_takes_nothing_from_others() -> None:
    limits = RateLimits(60)
    allowed(limits, "greedy", 10_000, 0.0)

    assert allowed(limits, "modest", 10, 0.0) == 10


def test_whoever_comes_again_as_told_is_let_in() -> None:
    limits = RateLimits(7)
    now = 0.0
    for _ in range(30):
        while (found := limits.take("a", now)) is not None and found.allowed:
            pass
        assert found is not None
        now += found.retry_after_s
        again = limits.take("a", now)
        assert again is not None
        assert again.allowed


def test_the_fields_say_quota_rest_and_time() -> None:
    found = RateLimits(60).take("a", 0.0)

    assert found is not None
    assert found.headers() == {
        "RateLimit-Policy": '"account";q=60;w=60',
        "RateLimit": '"account";r=9;t=1',
    }


def test_zero_means_no_limit() -> None:
    assert RateLimits(0).take("a", 0.0) is None


def test_memory_is_bounded() -> None:
    limits = RateLimits(60)
    for number in range(20_000):
        limits.take(str(number), 0.0)

    assert len(limits._buckets) == 10_000
