"""JSON as it is read from clients: by the standard, and no name twice in one object."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from app.errors import MOST_ERRORS, FieldError, InvalidInput

_AT_ONCE = 1 << 16
"""So many bytes are read where they are asked for: it takes at most some ten milliseconds."""
_NAME_ENDS = re.compile(rb'"\s*:')
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}:,]')


async def parsed(raw: bytes) -> Any:
    """Return what a body says; a large one is read in a thread, for that can take half a second.

    Raises:
        InvalidInput: it is no JSON, or says something twice.
    """
    if len(raw) > _AT_ONCE:
        return await asyncio.to_thread(_parsed, raw)
    return _parsed(raw)


def _parsed(raw: bytes) -> Any:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        reason = f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        raise InvalidInput(FieldError("", reason)) from None
    if len(_NAME_ENDS.findall(raw)) != _names_in(value):  # or a text holds such an end
        errors = [
            FieldError(pointer, "the name stands twice in its object; leave one of them out")
            for pointer in islice(_repeated_names(raw), MOST_ERRORS)
        ]
        if errors:
            raise InvalidInput(*errors)
    return value


def escape_pointer(part: str) -> str:
    """Return one part of a JSON pointer, escaped after RFC 6901."""
    return part.replace("~", "~0").replace("/", "~1")


def _names_in(value: Any) -> int:
    """Return how many names all objects of a JSON value have."""
    count, stack = 0, [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            count += len(item)
            stack += item.values()
        elif isinstance(item, list):
            stack += item
    return count


def _repeated_names(raw: bytes) -> Iterator[str]:
    """Yield where a name stands that its object has already; `raw` is well-formed JSON."""
    path: list[Any] = []
    known: list[set[str]] = []
    text = b""
    for token in _TOKENS.findall(raw):
        match token:
            case b"{" | b"[":
                path.append("" if token == b"{" else 0)
                known.append(set())
            case b"}" | b"]":
                path.pop()
                known.pop()
            case b",":
                path[-1] = path[-1] + 1 if isinstance(path[-1], int) else ""
            case b":":
                path[-1] = name = orjson.loads(text)
                if name in known[-1]:
                    yield "".join(f"/{escape_pointer(str(part))}" for part in path)
                known[-1].add(name)
            case _:
                text = token
