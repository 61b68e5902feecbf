"""Fences inside list items whose code is indented less than the item.

CommonMark ends the item, and with it the fence, at the first such line; the closing fence then
opens another one, which swallows the sections below. The authors meant the fence to run to its
closing line. Where reading it so brings back sections that are swallowed otherwise, it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.formats.markdown.blocks import Outline, scan

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})(.*)$")
_HEADING = re.compile(r"##(?:[ \t]|$)")


def scan_ticket(lines: Sequence[str], max_nesting: int) -> Outline:
    """The outline of a whole ticket; see the module for what it mends."""
    plain = scan(lines, max_nesting)
    if not any(line[:1] in " \t" and _FENCE.match(line) for line in lines):
        return plain
    mended, meant = _mended(lines)
    if not set(_headings(plain)) < meant:
        return plain
    other = scan(mended, max_nesting)
    return other if set(_headings(other)) == meant else plain


def _headings(outline: Outline) -> list[int]:
    return [b.span.start for b in outline.blocks if b.kind == "heading" and b.level == 2]


def _mended(lines: Sequence[str]) -> tuple[list[str], set[int]]:
    """Lines with the code of fences indented as the fence is; and level-2 headings outside.

    The set is empty when a fence is never closed: then nothing can be said.
    """
    out, headings = list(lines), set()
    indent, marks = "", ""
    for i, line in enumerate(lines):
        fence = _FENCE.match(line)
        if marks:
            if fence and fence[2].startswith(marks) and not fence[3].strip():
                marks = ""
            elif line.strip() and not line.startswith(indent):
                out[i] = indent + line.lstrip(" \t")
        elif fence and "`" not in fence[3]:
            indent, marks = fence[1], fence[2]
        elif _HEADING.match(line):
            headings.add(i)
    return out, set() if marks else headings
