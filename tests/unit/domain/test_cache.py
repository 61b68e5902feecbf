from __future__ import annotations

from app.domain.cache import Cache


def test_what_was_not_asked_for_the_longest_goes() -> None:
    cache = Cache[str](2)
    cache.put("one", "1")
    cache.put("two", "2")
    assert cache.get("one") == "1"
    cache.put("three", "3")
    assert [cache.get(key) for key in ("one", "two", "three")] == ["1", None, "3"]


def test_values_count_by_their_size() -> None:
    cache = Cache[bytes](10, len)
    cache.put("small", b"12345")
    cache.put("same", b"12345")
    assert cache.get("small") == b"12345"
    cache.put("more", b"1")
    assert [cache.get(key) for key in ("small", "same", "more")] == [b"12345", None, b"1"]
    cache.put("all", b"1" * 11)
    assert [cache.get(key) for key in ("small", "more")] == [None, None]
    assert cache.get("all") == b"1" * 11


def test_a_value_that_is_there_is_counted_once() -> None:
    cache = Cache[bytes](10, len)
    for _ in range(3):
        cache.put("same", b"12345")
    cache.put("other", b"12345")
    assert cache.get("same") == b"12345"
