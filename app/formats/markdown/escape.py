"""Prose that may stand inside a section without being read as structure.

Harmless text stays as it is. A line that would be structure (a level-2 heading, a fence that is
never closed, ``---`` at the end) gets a backslash in front; a line that already looks so
escaped gets one more, so that reading, which takes one off, is the exact inverse. Where that
does not suffice, the whole text goes into a fence with the info word ``verbatim``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from app.formats.markdown.blocks import Outline, TooManyParts, scan
from app.formats.markdown.comments import open_lines
from app.formats.markdown.source import is_blank, is_rule

Guard = Callable[[list[str], Outline], set[int]]
"""Finds further lines that would be structure in the place the text goes to."""

_START = (
    r"(?:#{1,6}(?=[ \t]|$)|`{3}|~{3}|-{3,}[ \t]*$|={2,}[ \t]*$|<!--|"
    r"\*\*[^*]+\*\*|\||(?:[-*+]|\d{1,9}[.)])(?=[ \t]|$))"
)
_ESCAPED = re.compile(rf"([ \t]*)\\(\\*{_START})")
_VERBATIM = re.compile(r"(`{3,})verbatim\n(?:(.*)\n)?\1", re.DOTALL)
_FENCE_TRIES = 8


def no_guard(lines: list[str], outline: Outline) -> set[int]:
    """For places where only sections and fences matter."""
    return set()


def decode(text: str) -> str:
    """The text that :func:`encode` was given."""
    if text.startswith("```") and (whole := _VERBATIM.fullmatch(text)):
        content = whole[2] or ""
        if not re.search(rf"(?m)^[ \t]*{whole[1]}`*[ \t]*$", content):
            return content
    if "\\" not in text:
        return text
    lines = text.split("\n")
    marked = [i for i, line in enumerate(lines) if _ESCAPED.match(line)]
    if marked:
        opaque = scan(lines).opaque
        for i in marked:
            if i not in opaque:
                lines[i] = _ESCAPED.sub(r"\1\2", lines[i], count=1)
    return "\n".join(lines)


def encode(text: str, guard: Guard = no_guard) -> str:
    """Text as it may stand in a section; :func:`decode` gives it back."""
    try:
        return _encoded(text, guard)
    except TooManyParts:
        return _verbatim(text)


def _encoded(text: str, guard: Guard) -> str:
    lines = text.split("\n")
    for _ in range(_FENCE_TRIES):
        outline = scan(lines)
        if outline.open_fence is None:
            break
        lines[outline.open_fence] = _escape(lines[outline.open_fence])
    original = text.split("\n")
    hostile = _hostile(lines, outline, guard)
    for i, line in enumerate(lines):
        if line != original[i]:
            continue
        if i in hostile or (i not in outline.opaque and _ESCAPED.match(line)):
            lines[i] = _escape(line)
    encoded = "\n".join(lines)
    outline = scan(lines)
    safe = outline.open_fence is None and not _hostile(lines, outline, guard)
    return encoded if safe and decode(encoded) == text else _verbatim(text)


def _escape(line: str) -> str:
    indent = len(line) - len(line.lstrip(" \t"))
    return f"{line[:indent]}\\{line[indent:]}"


def _verbatim(text: str) -> str:
    width = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, width + 1)
    return f"{ticks}verbatim\n{text}\n{ticks}"


def _hostile(lines: list[str], outline: Outline, guard: Guard) -> set[int]:
    found = {
        # An underlined heading is text again once its last line is no underline.
        block.span.end - 1
        for block in outline.blocks
        if block.kind == "heading" and block.level < 3
    }
    found |= open_lines(lines, outline.opaque, outline.comments)
    for i in range(len(lines) - 1, -1, -1):
        if is_rule(lines[i]) and i not in outline.opaque:
            found.add(i)
        elif not is_blank(lines[i]):
            break
    return (found | guard(lines, outline)) - outline.opaque
