"""Text within the cells of a terminal. A word that is longer than the line stays whole: whoever
copies it gets it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LEAST = 20
"""Cells that text is wrapped to at least; a narrower terminal wraps by itself."""

_OWN_LINE = re.compile(r"\s|[-*+>|#]|\d+[.)] |$")
"""How a line of Markdown begins that does not go on with the one before it."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def cell_len(text: str) -> int:
    """Return how many cells of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len as measured  # slow to load

    return measured(text)


def cut_to(text: str, width: int) -> str:
    """Return `text` within so many cells; what is cut ends in an ellipsis."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[: width - 1] if text.isascii() else text[:-1]
    return f"{text}…" if width else ""


def wrapped(text: str, width: int, *, indent: int = 0) -> list[str]:
    """Return the lines of a text in Markdown, of `width` cells with their indent.

    Lines of one paragraph are filled; code is left as it is.
    """
    found: list[str] = []
    for line, is_code in _paragraphs(text.split("\n")):
        pieces = [line] if is_code else _pieces(line, max(_LEAST, width - indent))
        found += [f"{' ' * indent}{piece}".rstrip() for piece in pieces]
    return found


def _paragraphs(lines: Sequence[str]) -> list[tuple[str, bool]]:
    """Return lines and whether they are code; those that go on with the one before are one."""
    found: list[tuple[str, bool]] = []
    fenced, goes_on = False, False
    for line in lines:
        fence = line.lstrip().startswith(("```", "~~~"))
        fenced ^= fence
        is_code = fence or fenced or line.startswith(("    ", "\t"))
        own = is_code or _OWN_LINE.match(line) is not None
        if goes_on and not own:
            found[-1] = (f"{found[-1][0]} {line}", False)
        else:
            found.append((line, is_code))
        ends = line.endswith(("  ", "\\")) or not line.strip() or line.startswith(("#", "|"))
        goes_on = not (is_code or ends)
    return found


def wrapped_parts(parts: Sequence[str], width: int, *, indent: int, gap: int) -> list[str]:
    """Return parts side by side, as many on a line as fit; further lines are indented."""
    found = [""]
    for part in parts:
        line = f"{found[-1]}{' ' * gap if found[-1].strip() else ''}{part}"
        if found[-1].strip() and cell_len(_COLOUR.sub("", line)) > width:
            found.append(f"{' ' * indent}{part}")
        else:
            found[-1] = line
    return found


def _pieces(line: str, width: int) -> list[str]:
    if cell_len(line) <= width:
        return [line]
    words = line.split(" ")
    found = [words[0]]
    for word in words[1:]:
        longer = f"{found[-1]} {word}"
        if cell_len(longer) <= width or not found[-1].strip():
            found[-1] = longer
        else:
            found.append(word)
    return found


def continued(command: str, width: int) -> list[str]:
    """Return a command as lines that a shell takes for one: what does not fit goes on below.

    It is parted before words that begin at a space outside quotes, options first.
    """
    lines: list[str] = []
    rest = command
    while len(rest) > width:
        places = [n for n in _gaps(rest, len(rest) - len(rest.lstrip())) if n <= width - 2]
        options = [n for n in places if rest[n + 1 : n + 2] == "-"]
        if not places:
            break
        cut = (options or places)[-1]
        lines.append(f"{rest[:cut]} \\")
        rest = f"    {rest[cut + 1 :]}"
    return [*lines, rest]


def _gaps(command: str, start: int) -> list[int]:
    """Where a space outside quotes parts two words, behind `start`."""
    found, quote = [], ""
    for place, sign in enumerate(command):
        if sign in "'\"" and quote in ("", sign):
            quote = "" if quote else sign
        elif sign == " " and not quote and place > start:
            found.append(place)
    return found
