"""Rows of tables, split on the raw line so that no text is lost.

GFM cuts a row off at the header's width and divides at a pipe inside a code span; the
tickets do not. Here a row that has too many cells is divided again with pipes inside code
spans left whole, and what is still too much joins the last cell.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from app.formats.markdown.comments import expose, protect, without_gaps

Style = Literal["plain", "code", "bold"]

_TICKS = re.compile(r"`+")
_RULE_ROW = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, and where it stands in its line."""

    line: int
    left: int
    """Column after the dividing pipe."""
    start: int
    """Column of the text; equal to ``end`` in an empty cell."""
    end: int
    right: int
    """Column of the closing pipe, or the line's length where it is missing."""
    raw: str
    """The trimmed text as written."""

    @property
    def text(self) -> str:
        """The text with an escaped pipe read as a pipe."""
        return expose(self.raw).replace("\\|", "|")

    @property
    def value(self) -> str:
        """The text without one code span or bold pair around all of it."""
        return unwrap(without_gaps(self.text))[0]

    @property
    def style(self) -> Style:
        """How the whole cell is decorated."""
        return unwrap(self.text)[1]

    def put(self, line: str, raw: str) -> str:
        """The line with this cell's text replaced."""
        if not raw:
            return line[: self.left] + " " + line[self.right :]
        if self.start == self.end:
            return f"{line[: self.left]} {raw} {line[self.right :]}"
        return line[: self.start] + raw + line[self.end :]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    line: int
    cells: tuple[Cell, ...]
    closed: bool
    """False when the closing pipe is missing."""

    def cell(self, index: int | None) -> Cell | None:
        """The cell of a column, None when the row is too short."""
        return self.cells[index] if index is not None and index < len(self.cells) else None


def is_rule_row(line: str) -> bool:
    """True for the row of dashes below a header."""
    return "|" in line and _RULE_ROW.fullmatch(line) is not None


def code_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of every code span, backticks included."""
    runs = [(m.start(), m.end()) for m in _TICKS.finditer(text)]
    spans, i = [], 0
    while i < len(runs):
        width = runs[i][1] - runs[i][0]
        for j in range(i + 1, len(runs)):
            if runs[j][1] - runs[j][0] == width:
                spans.append((runs[i][0], runs[j][1]))
                i = j
                break
        i += 1
    return spans


def code_values(text: str) -> list[str]:
    """The contents of every code span."""
    return [unwrap(text[a:b])[0] for a, b in code_spans(text)]


def split_row(line: str, number: int, columns: int | None = None) -> Row:
    """Split a row into cells; with ``columns``, surplus cells join the last one."""
    begin = len(line) - len(line.lstrip(" \t"))
    begin += line[begin : begin + 1] == "|"
    stop = len(line.rstrip(" \t"))
    pipes = [i for i in range(begin, stop) if line[i] == "|" and line[i - 1] != "\\"]
    closed = bool(pipes) and pipes[-1] == stop - 1
    inner = pipes[:-1] if closed else pipes
    end = pipes[-1] if closed else len(line)
    if columns is None or len(inner) + 1 > columns:
        spans = code_spans(line)
        starts = [start for start, _ in spans]
        outside = [p for p in inner if not _is_inside(p, spans, starts)]
        if columns is None or len(outside) + 1 >= columns:
            inner = outside
    if columns is not None:
        inner = inner[: columns - 1]
    edges = [begin - 1, *inner, end]
    cells = tuple(_cell(line, number, a + 1, b) for a, b in pairwise(edges))
    return Row(number, cells, closed)


def _is_inside(at: int, spans: Sequence[tuple[int, int]], starts: Sequence[int]) -> bool:
    """True for a place inside one of the spans, which are in order."""
    before = bisect_left(starts, at)
    return before > 0 and at < spans[before - 1][1]


def _cell(line: str, number: int, left: int, right: int) -> Cell:
    text = line[left:right]
    raw = text.strip()
    start = left + (len(text) - len(text.lstrip())) if raw else left
    return Cell(number, left, start, start + len(raw), right, raw)


def unwrap(text: str) -> tuple[str, Style]:
    """Take off one code span or bold pair that wraps the whole text."""
    if text.startswith("`"):
        width = len(text) - len(text.lstrip("`"))
        inner = text[width:-width]
        ends = text.endswith("`" * width) and len(text) > 2 * width
        if ends and all(len(m.group()) != width for m in _TICKS.finditer(inner)):
            padded = inner.startswith(" ") and inner.endswith(" ") and inner.strip()
            return (inner[1:-1] if padded else inner), "code"
    if text.startswith("**") and text.endswith("**") and len(text) > 4 and "**" not in text[2:-2]:
        return text[2:-2], "bold"
    return text, "plain"


def strip_marks(text: str) -> str:
    """The text without any backtick or bold mark."""
    return text.replace("`", "").replace("**", "").strip()


def wrap(value: str, style: Style) -> str:
    """Decorate a value so that :func:`unwrap` gives it back."""
    if not value:
        return ""
    if style == "bold" and unwrap(f"**{value}**") == (value, "bold"):
        return f"**{value}**"
    if style != "code" and unwrap(value) == (value, "plain"):
        return value
    runs = {len(m.group()) for m in _TICKS.finditer(value)}
    width = next(n for n in range(1, len(runs) + 2) if n not in runs)
    ticks = "`" * width
    blank_ended = value.startswith(" ") and value.endswith(" ") and value.strip()
    pad = " " if value.startswith("`") or value.endswith("`") or blank_ended else ""
    return f"{ticks}{pad}{value}{pad}{ticks}"


def escape(text: str) -> str:
    """Text as it may stand in a cell."""
    return protect(text).replace("|", "\\|")


def row_line(cells: Sequence[str]) -> str:
    """A table row of escaped cells."""
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"
