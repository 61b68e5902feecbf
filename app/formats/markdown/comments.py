"""Comments: what stands in one is no fact, and its bytes are kept.

They are read over: for reading, blanks of the same width stand in the place of each, so that every
value is still found in its column. A backslash in front of ``<!--`` makes it text, which is how
such text is written in a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from app.formats.markdown.cells import code_spans, is_row
from app.formats.markdown.source import Span, is_blank

SECTION_MARK = "<!-- section -->"
"""Behind a heading: the section is free text, whatever its heading says."""

_BEGIN, _END = "<!--", "-->"
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
    for number, line in enumerate(lines):
        if _BEGIN in line and number not in opaque and number not in done:
            _hide_inside(hidden, number, opaque)
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


def _hide_inside(lines: list[str], first: int, opaque: frozenset[int]) -> None:
    """Blank the comments that begin within a line, each to its end in the same paragraph."""
    at = 0
    while (begin := lines[first].find(_BEGIN, at)) >= 0:
        line = lines[first]
        at = begin + len(_BEGIN)
        code = any(a < begin < b for a, b in code_spans(line))
        if code or line[begin - 1 : begin] == "\\" or line[begin:].startswith(SECTION_MARK):
            continue
        last = _last_line(lines, first, at, opaque)
        if last is None:
            return  # nor has any that begins behind it an end
        _blank(lines, first, begin, last)


def _last_line(lines: Sequence[str], first: int, at: int, opaque: frozenset[int]) -> int | None:
    """The line in which a comment ends, None when its paragraph ends before."""
    for number in range(first, len(lines)):
        line = lines[number]
        if number > first and (
            number in opaque or is_blank(line) or is_row(line) or _BLOCK.match(line)
        ):
            return None
        if line.find(_END, at if number == first else 0) >= 0:
            return number
        if is_row(line):
            return None
    return None


def _blank(lines: list[str], first: int, begin: int, last: int) -> None:
    for number in range(first, last + 1):
        line = lines[number]
        start = begin if number == first else 0
        end = len(line)
        if number == last:
            end = line.find(_END, start + (len(_BEGIN) if number == first else 0)) + len(_END)
        lines[number] = line[:start] + " " * (end - start) + line[end:]
