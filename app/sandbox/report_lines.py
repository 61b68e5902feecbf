"""The lines of a guest's report, parsed: every byte of them may be a lie.

Capped before they are parsed, JSON only, checked against a schema. What cannot be so raises
`Tampered`. Text is made storable: NUL and lone surrogates are replaced by what shows that they were
there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from app.sandbox.report_text import clean

MAX_LINE_BYTES = 1 << 20
MAX_REPORT_BYTES = 64 << 20
MAX_ID_CHARS = 2048
MAX_TEXT_CHARS = 20_000

Text = (str, type(None))
Schema = Mapping[str, Mapping[str, tuple[type, ...]]]
"""Kind of line → field → types it may have; a field that may be None may be left out."""


class Tampered(Exception):
    """The report cannot have come from an honest run; the message says why."""


class LineReader:
    """Takes a report's bytes as they come and makes lines of them."""

    def __init__(self, token: str, schema: Schema) -> None:
        self._token = token
        self._schema = schema
        self._buffer = bytearray()
        self._bytes = 0
        self._lines = 0

    @property
    def is_within_a_line(self) -> bool:
        """Whether the report, should it end here, ends in the middle of a line."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
        """Read more; yield kind and fields of each line that is whole. Raises `Tampered`."""
        self._bytes += len(data)
        if self._bytes > MAX_REPORT_BYTES:
            raise Tampered(f"the report is longer than {MAX_REPORT_BYTES} bytes")
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        for line in (*lines, rest):
            if len(line) > MAX_LINE_BYTES:
                raise Tampered(f"a line of the report is longer than {MAX_LINE_BYTES} bytes")
        for line in lines:
            yield self._parse(bytes(line))

    def _parse(self, line: bytes) -> tuple[str, dict[str, Any]]:
        try:
            found = _DECODER.decode(line.decode("ascii"))
        except (ValueError, RecursionError):
            raise Tampered("a line of the report is not JSON") from None
        if not isinstance(found, dict):
            raise Tampered("a line of the report is not an object")
        if found.pop("t", None) != self._token or found.pop("n", None) != self._lines:
            raise Tampered("a line was written into the report by something else")
        self._lines += 1
        kind = found.pop("k", None)
        schema = self._schema.get(kind) if isinstance(kind, str) else None
        if schema is None or not isinstance(kind, str):
            raise Tampered("the report holds a line of unknown kind")
        check(f"a line of kind {kind}", found, schema)
        return kind, {name: clean(value) for name, value in found.items()}


def check(what: str, found: Mapping[str, Any], schema: Mapping[str, tuple[type, ...]]) -> None:
    """Raise `Tampered` unless `found` has the fields of `schema`, of their types, and no other."""
    for name in found:
        if name not in schema:
            raise Tampered(f"{what} has an unknown field")
    for name, types in schema.items():
        if name not in found:
            if type(None) not in types:
                raise Tampered(f"{what} lacks {name}")
        elif not isinstance(found[name], types) or (
            isinstance(found[name], bool) and bool not in types
        ):
            raise Tampered(f"{name} in {what} has the wrong type")


def node_id(raw: str) -> str:
    """A node id of a bearable length."""
    if len(raw) > MAX_ID_CHARS:
        raise Tampered("a node id is too long")
    return raw


def cut(text: str) -> str:
    """Text of a bearable length."""
    if len(text) <= MAX_TEXT_CHARS:
        return text
    return f"{text[:MAX_TEXT_CHARS]}\n[… {len(text) - MAX_TEXT_CHARS} characters cut …]"


def seconds(value: float, most: float) -> float:
    """A duration between nothing and `most`."""
    # An int may be too large for a float; a float may be NaN or negative.
    if isinstance(value, int):
        value = max(-1, min(value, 1 << 40))
    found = float(value)
    return min(max(found, 0.0), most) if math.isfinite(found) else 0.0


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
"""Made once: a run of thousands of tests has ten thousands of lines."""
