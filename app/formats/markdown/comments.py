"""Comments: what stands in one is no fact, and its bytes are kept.

They are read over: for reading, blanks of the same width stand in the place of each, so that every
value is still found in its column. A backslash in front of ``<!--`` makes it text, which is how
such text is written in a line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from app.formats.markdown.source import Span, is_blank, is_row

SECTION_MARK = "<!-- section -->"
"""Behind a heading: the section is free text, whatever its heading says."""

_OPENED = re.compile(r"\\*<!--")
_ESCAPED = re.compile(r"\\(\\*<!--)")
_LINE_BREAK = re.compile(r"[\r\n]+")
_GAP = re.compile(r" {7,}")
"""What a comment leaves behind at the least, once it is read over."""
_BEGIN, _END = "<!--", "-->"
_TICKS = re.compile(r"`+")
_MARK = re.compile(rf"`+|{_BEGIN}")
_BLOCK = re.compile(r"[ \t]*(?:#{1,6}(?:[ \t]|$)|[-*+][ \t]|\d{1,9}[.)][ \t]|>|`{3}|~{3})")


def hide(lines: Sequence[str], alone: Iterable[Span], opaque: frozenset[int]) -> tuple[str, ...]:
    """The lines with blanks in the place of comments.

    Args:
        lines: of a document.
        alone: comments that stand alone, as the block structure has them.
        opaque: lines of code.

    """
    hidden = list(lines)
    done: set[int] = set()
    for span in alone:
        done.update(range(span.start, span.end))
        _blank(hidden, span.start, hidden[span.start].find(_BEGIN), span.end - 1)
    endless = 0
    for number, line in enumerate(lines):
        if _BEGIN in line and number not in opaque and number not in done:
            endless = _hide_inside(hidden, number, opaque, endless)
    return tuple(hidden)


def open_lines(lines: Sequence[str], opaque: frozenset[int], alone: Iterable[Span]) -> set[int]:
    """Lines that begin a comment which has no end here; text below might give it one."""
    inside = {i for span in alone for i in range(span.start, span.end)}
    return {
        i
        for i, line in enumerate(lines)
        if _BEGIN in line
        and line.lstrip(" \t>").startswith(_BEGIN)
        and i not in opaque
        and i not in inside
    }


def _hide_inside(lines: list[str], first: int, opaque: frozenset[int], endless: int) -> int:
    """Blank the comments that begin within a line, each to its end in the same paragraph.

    What begins first, a comment or code, holds the other's marks. A comment that begins above the
    line `endless` has its end in its own line or none; the next such line is returned.
    """
    line = lines[first]
    runs = _runs(line)
    inside: list[tuple[int, int]] = []
    at = 0
    while found := _MARK.search(line, at):
        begin, at = found.span()
        if found[0] != _BEGIN:
            at = _next(runs[at - begin], at) or at
        elif line[begin - 1 : begin] != "\\" and not line.startswith(SECTION_MARK, begin):
            end = line.find(_END, at)
            if end >= 0:
                at = end + len(_END)
                inside.append((begin, at))
                continue
            last, stop = (None, endless) if first < endless else _last_line(lines, first, opaque)
            if last is None:
                endless = stop
                break
            _blank(lines, first, begin, last)
            break
    if inside:
        lines[first] = _blanked(lines[first], inside)
    return endless


def _runs(line: str) -> dict[int, list[int]]:
    """Where runs of backticks end, by their length."""
    runs: dict[int, list[int]] = {}
    for run in _TICKS.finditer(line):
        runs.setdefault(run.end() - run.start(), []).append(run.end())
    return runs


def _next(places: Sequence[int], at: int) -> int | None:
    """The first of some places, which are in order, behind one."""
    found = bisect_right(places, at)
    return places[found] if found < len(places) else None


def _blanked(line: str, spans: Iterable[tuple[int, int]]) -> str:
    pieces, at = [], 0
    for start, end in spans:
        pieces += [line[at:start], " " * (end - start)]
        at = end
    return "".join([*pieces, line[at:]])


def _last_line(lines: Sequence[str], first: int, opaque: frozenset[int]) -> tuple[int | None, int]:
    """The line below in which a comment ends, None when its paragraph ends before; and where."""
    if is_row(lines[first]):
        return None, first + 1
    for number in range(first + 1, len(lines)):
        line = lines[number]
        if number in opaque or is_blank(line) or is_row(line) or _BLOCK.match(line):
            return None, number
        if _END in line:
            return number, number
    return None, len(lines)


def _blank(lines: list[str], first: int, begin: int, last: int) -> None:
    for number in range(first, last + 1):
        line = lines[number]
        start = begin if number == first else 0
        end = len(line)
        if number == last:
            end = line.find(_END, start + (len(_BEGIN) if number == first else 0)) + len(_END)
        lines[number] = line[:start] + " " * (end - start) + line[end:]


def protect(text: str) -> str:
    """Text for a line of a document, where it is to hold no comment."""
    return _OPENED.sub(r"\\\g<0>", text) if "<!--" in text else text


def expose(text: str) -> str:
    """The text that :func:`protect` was given."""
    return _ESCAPED.sub(r"\1", text) if "<!--" in text else text


def without_gaps(text: str) -> str:
    """A value as it is read from its line, each gap that a comment left closed."""
    return _GAP.sub(" ", text).strip() if "       " in text else text


def one_line(text: str | None) -> str | None:
    """Text without line breaks or blanks around it; None for nothing."""
    parts = (part.strip() for part in _LINE_BREAK.split(text or ""))
    return without_gaps(" ".join(part for part in parts if part)) or None


def read_line(text: str) -> str:
    """The value that a line of a document states."""
    return expose(without_gaps(text))
