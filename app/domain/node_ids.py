"""Node ids of pytest: which names stand for which tests."""

from __future__ import annotations

from collections.abc import Iterator, Set


def beginnings(node_id: str) -> Iterator[str]:
    """Yield all names that stand for a test: its own, without parameters, its class, its file."""
    yield node_id
    name = node_id.partition("[")[0]
    while name:
        yield name
        name = name.rpartition("::")[0]


def is_among(node_id: str, names: Set[str]) -> bool:
    """Tell whether one of `names` stands for a test; there may be thousands of both."""
    return any(name in names for name in beginnings(node_id))
