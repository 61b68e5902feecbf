"""Reading JSON beside what else the process does."""

from __future__ import annotations

import asyncio
import threading

import orjson
import pytest

from app import strict_json
from app.errors import InvalidInput


@pytest.mark.parametrize(("size", "is_beside"), [(100, False), (1 << 20, True)])
def test_a_large_body_is_read_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch, size: int, is_beside: bool
) -> None:
    """Others wait for what is read in the loop itself."""
    readers: list[int] = []
    plain = orjson.loads

    def loads(raw: bytes) -> object:
        readers.append(threading.get_ident())
        return plain(raw)

    monkeypatch.setattr(orjson, "loads", loads)
    value = asyncio.run(strict_json.parsed(orjson.dumps({"text": "x" * size})))

    assert value == {"text": "x" * size}
    assert (readers != [threading.get_ident()]) is is_beside


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_name_that_stands_twice_is_found_in_bodies_of_any_size(size: int) -> None:
    raw = orjson.dumps({"text": "x" * size, "a": 1})[:-1] + b',"a":2}'
    with pytest.raises(InvalidInput) as caught:
        asyncio.run(strict_json.parsed(raw))
    assert [error.pointer for error in caught.value.errors] == ["/a"]
