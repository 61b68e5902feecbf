"""Which function or class each line of Python stands in.

Read token by token instead of parsed: the parser stops every other thread for as long as it works,
and a text of some hundred kilobytes can keep it busy for seconds.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

MOST_CHARS = 1 << 20
"""Longer files have no scopes."""

_LAYOUT = {tokenize.NL, tokenize.COMMENT, tokenize.ENCODING}


@dataclass(frozen=True)
class _Open:
    """A function or class whose end was not seen yet."""

    name: str
    around: str | None
    """Name of what it stands in."""
    depth: int
    """Blocks around its body, its own included."""


def scopes(text: str) -> tuple[Sequence[int], Sequence[str | None]]:
    """Return from which line on, counted from 1, which qualified name holds; None outside of all.

    Decorators belong to what they decorate. What is no Python has no scopes.
    """
    if len(text) > MOST_CHARS:
        return (), ()
    reader = _Reader()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type not in _LAYOUT:
                reader.take(token)
    except (tokenize.TokenError, SyntaxError):
        return (), ()
    return reader.found()


class _Reader:
    def __init__(self) -> None:
        self._starts: dict[int, str | None] = {}
        self._ends: list[tuple[int, int, str | None]] = []
        """Depth, the first line behind, and what holds there."""
        self._open: list[_Open] = []
        self._depth = 0
        self._last = 0
        """Line where the last statement ended."""
        self._first: int | None = None
        """Line of the first decorator of what comes."""
        self._words: list[str] = []
        """The first words of this line, as far as they may begin a function or class."""
        self._head: _Open | None = None
        """What this line begins, or the one before did, until its body is seen."""

    def take(self, token: tokenize.TokenInfo) -> None:
        """Read the next token that is neither comment nor blank line."""
        match token.type:
            case tokenize.INDENT:
                self._depth += 1
                if self._head is not None:
                    self._open.append(self._head)
                    self._head = None
            case tokenize.DEDENT:
                self._end_head()
                self._depth -= 1
                while self._open and self._open[-1].depth > self._depth:
                    self._close(self._open.pop())
            case tokenize.NEWLINE:
                self._last = token.start[0]
                if self._words[:1] != ["@"]:
                    self._first = None
                self._words = []
            case tokenize.ENDMARKER:
                self._end_head()
            case _:
                self._word(token)

    def found(self) -> tuple[Sequence[int], Sequence[str | None]]:
        """Return what was read."""
        lines = dict(self._starts)
        for _, line, name in sorted(self._ends, key=lambda end: end[0]):
            lines.setdefault(line, name)  # the outermost says what holds behind it
        starts = sorted(lines)
        return starts, [lines[line] for line in starts]

    def _word(self, token: tokenize.TokenInfo) -> None:
        if not self._words:
            self._end_head()
            if token.string == "@" or token.string in ("def", "class", "async"):
                self._first = self._first or token.start[0]
            self._words = [token.string]
        elif self._words in (["def"], ["class"], ["async", "def"]):
            self._begin(token)
            self._words.append(token.string)
        elif self._words == ["async"]:
            self._words.append(token.string)

    def _begin(self, token: tokenize.TokenInfo) -> None:
        around = self._open[-1].name if self._open else None
        name = f"{around}.{token.string}" if around else token.string
        self._starts[self._first or token.start[0]] = name
        self._head = _Open(name, around, self._depth + 1)

    def _end_head(self) -> None:
        """End what had its body on the line that it began on."""
        if self._head is not None:
            self._close(self._head)
            self._head = None

    def _close(self, ended: _Open) -> None:
        self._ends.append((ended.depth, self._last + 1, ended.around))
