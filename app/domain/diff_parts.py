"""The parts a unified diff is made of, and the error that refuses one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Side = Literal["-", "+"]
Sign = Literal[" ", "-", "+"]


class PatchError(ValueError):
    """A patch is refused; the message gives the reason and how to mend it."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason = reason
        self.line = line
        """The line of the patch's text, from 1; None when the text as a whole is meant."""


@dataclass(frozen=True)
class Line:
    """One line of a hunk."""

    sign: Sign
    text: str
    """Without the sign, with its newline."""


@dataclass(frozen=True)
class Hunk:
    """A stretch of changed lines with their context."""

    old_index: int
    """Where it starts in the old file, from 0."""
    new_index: int
    lines: tuple[Line, ...]
    line: int
    """The line of its header in the patch, from 1."""

    def side(self, sign: Side) -> list[str]:
        """The lines as they are before (``-``) or after (``+``) the change."""
        return [line.text for line in self.lines if line.sign in (" ", sign)]

    def reversed(self) -> Hunk:
        """The hunk that takes this one back."""
        return Hunk(
            old_index=self.new_index,
            new_index=self.old_index,
            lines=tuple(_turned(line) for line in self.lines),
            line=self.line,
        )


@dataclass(frozen=True)
class FilePatch:
    """What a patch does to one file."""

    path: str
    """Relative to the project's root, with forward slashes."""
    hunks: tuple[Hunk, ...]
    added: bool
    deleted: bool
    line: int
    """The line of its ``---`` header in the patch, from 1."""

    def reversed(self) -> FilePatch:
        """The change that takes this one back."""
        return replace(
            self,
            hunks=tuple(hunk.reversed() for hunk in self.hunks),
            added=self.deleted,
            deleted=self.added,
        )


def _turned(line: Line) -> Line:
    match line.sign:
        case "-":
            return Line("+", line.text)
        case "+":
            return Line("-", line.text)
    return line
