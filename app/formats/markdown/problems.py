"""What is wrong with a document, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.errors import FindingsError


@dataclass(frozen=True, slots=True)
class FormatProblem:
    """One thing wrong, or odd, in a document."""

    line: int
    """Line of the document, from 1."""

    reason: str
    """What is wrong and, where it helps, how to mend it."""

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class FormatError(FindingsError):
    """A document cannot be read as a ticket, or a ticket cannot be said in the format.

    ``problems`` lists each reason with its line. Nothing was stored.
    """

    slug: ClassVar[str] = "unreadable-document"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The document is not a ticket"

    def __init__(self, problems: Sequence[FormatProblem]) -> None:
        details = [{"line": problem.line, "reason": problem.reason} for problem in problems]
        super().__init__("; ".join(map(str, problems)), extra={"problems": details})
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may measure; beyond it, it is refused before it is read."""

    max_bytes: int = 1 << 20
    max_nesting: int = 50
    """Lists and quotes inside each other."""


DEFAULT_LIMITS = Limits()
