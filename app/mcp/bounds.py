"""No answer of a tool is larger than a bound, whatever stands in tickets and logs."""

from __future__ import annotations

from typing import Any

import orjson

MOST_BYTES = 16 * 1024
"""Of a whole result; it holds what it says twice, for programs and as text."""
_ROOM = MOST_BYTES - 600
"""Without the frame around it and a link."""
_SHORT = 160
_MARK = " … [cut]"


def cost(value: Any) -> int:
    """Return how many bytes a result with `value` takes: as JSON, and that again in a string."""
    text = orjson.dumps(value)
    return len(text) + len(orjson.dumps(text.decode()))


def fitted(value: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return `value` with its longest texts and lists cut until it fits, and whether it was.

    Texts go first, down to a few words each, then the ends of lists; never a key, so that it stays
    what its schema says.
    """
    if cost(value) <= _ROOM:
        return value, False
    while cost(value) > _ROOM:
        if not _cut_longest(value):
            break
    return value, True


def _cut_longest(value: dict[str, Any]) -> bool:
    texts: list[tuple[int, Any, Any]] = []
    lists: list[tuple[int, list[Any]]] = []
    _collect(value, texts, lists)
    long = max(texts, key=lambda found: found[0], default=None)
    if long is not None and long[0] > _SHORT:
        _, holder, place = long
        text = holder[place].removesuffix(_MARK)
        holder[place] = text[: max(_SHORT - len(_MARK), len(text) * 2 // 3)] + _MARK
        return True
    most = max(lists, key=lambda found: found[0], default=None)
    if most is not None and len(most[1]) > 0:
        del most[1][len(most[1]) * 2 // 3 :]
        return True
    return False


def _collect(
    node: Any, texts: list[tuple[int, Any, Any]], lists: list[tuple[int, list[Any]]]
) -> None:
    places = node.items() if isinstance(node, dict) else enumerate(node)
    for place, inner in places:
        if isinstance(inner, str):
            texts.append((len(inner), node, place))
        elif isinstance(inner, dict | list):
            if isinstance(inner, list):
                lists.append((cost(inner), inner))
            _collect(inner, texts, lists)
