"""Lines of source: what of a file a reader is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_LINES = 1000
"""So many lines are shown at once; `next_line` says where to go on."""
MOST_CHARACTERS = 200_000
AROUND = 5
"""So many lines stand before and behind those that a ticket names."""

_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


@dataclass(frozen=True)
class LineRange:
    """Lines of a file, counted from 1, both ends included."""

    start: int
    end: int

    def widened(self, by: int) -> LineRange:
        """Return it with `by` more lines on both sides."""
        return LineRange(max(1, self.start - by), self.end + by)


@dataclass(frozen=True)
class Excerpt:
    """Lines of a file of a target."""

    target: str
    path: str
    """Relative to the target's root."""
    revision: str | None
    """None for a folder, which has none."""
    digest: str
    """SHA-256 of the whole file."""
    total_lines: int
    start: int
    """Number of the first of `lines`; 1 where there are none."""
    lines: tuple[str, ...]
    next_line: int | None
    """The first line asked for that had no room; None where all are here."""


@dataclass(frozen=True)
class TicketAbout:
    """A ticket that speaks of lines of a file."""

    key: str
    title: str
    severity: str
    status: str
    resolution: str | None
    start_line: int | None
    end_line: int | None


def parse_range(text: str) -> LineRange:
    """Return the lines that ``59`` or ``59-94`` names.

    Raises:
        ValueError: it names none.
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"should be one line or a range, like 59 or 59-94, not {text[:40]!r}")
    start = int(found[1])
    end = int(found[2] or start)
    if not 1 <= start <= end:
        raise ValueError(f"{text} is no range: lines count from 1, and the first comes first")
    return LineRange(start, end)


def lines_of_test(lines: Sequence[str], node_id: str) -> LineRange | None:
    """Return the lines of the test that a node id names in its file, decorators included.

    None where the file holds none of that name; of a node id that names a file all of it. Read off
    the indentation: the text may be a stranger's, and need not be whole.
    """
    names = [name.partition("[")[0] for name in node_id.split("::")[1:]]
    start, end = 0, len(lines)
    for name in names:
        begins = re.compile(rf"(\s*)(?:async\s+def|def|class)\s+{re.escape(name)}\b")
        found = next((n for n in range(start, end) if begins.match(lines[n])), None)
        if found is None:
            return None
        depth = len(lines[found]) - len(lines[found].lstrip())
        inside = (n for n in range(found + 1, end) if _ends(lines[n], depth))
        start, end = found, next(inside, end)
    while start and names and lines[start - 1].lstrip().startswith("@"):
        start -= 1
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    return LineRange(start + 1, end) if end > start else None


def _ends(line: str, depth: int) -> bool:
    """Tell whether a line is behind a block that begins at `depth`."""
    text = line.strip()
    return bool(text) and len(line) - len(line.lstrip()) <= depth and text[0] not in ")]}#"


def lines_of(content: bytes) -> list[str]:
    """Return the lines of a file as Python and editors number them.

    Bytes that are no UTF-8 are shown by the replacement character.

    Raises:
        ValueError: the file is no text.
    """
    if b"\0" in content:
        raise ValueError("it is no text")
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.removeprefix("\ufeff").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def cut(lines: list[str], wanted: LineRange | None) -> tuple[int, tuple[str, ...], int | None]:
    """Return the first line's number, the lines of `wanted` that have room, and where to go on."""
    start = 1 if wanted is None else wanted.start
    end = len(lines) if wanted is None else min(wanted.end, len(lines))
    shown: list[str] = []
    room = MOST_CHARACTERS
    for line in lines[start - 1 : min(end, start - 1 + MOST_LINES)]:
        room -= len(line) + 1
        if room < 0 and shown:
            break
        shown.append(line[:MOST_CHARACTERS])
    after = start + len(shown)
    return (start if shown else 1), tuple(shown), after if shown and after <= end else None
