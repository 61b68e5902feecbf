"""Columns: bytes, UTF-16 units or code points, as a run counts them."""

from __future__ import annotations


def code_point(line: str, column: int, kind: str | None) -> int:
    """Return a column, counted from 1, in code points.

    `kind` is the run's `columnKind`; where it says nothing the tool may have meant anything, and
    the number stays.
    """
    if kind == "utf16CodeUnits":
        return _before(line, column, "utf-16-le", 2)
    if kind == "utf8CodeUnits":  # of no standard, and said by some
        return _before(line, column, "utf-8", 1)
    return column


def _before(line: str, column: int, encoding: str, width: int) -> int:
    whole = line.encode(encoding, "surrogatepass")
    head = whole[: (column - 1) * width]
    beyond = max(0, column - 1 - len(whole) // width)
    return len(head.decode(encoding, "ignore")) + beyond + 1
