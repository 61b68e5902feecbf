"""Source code that findings speak of: its lines, and what of it is known again after a change."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from app.domain.scopes import scopes

_AROUND = 2
"""So many lines that are not blank, on either side, tell two equal places apart."""

_LONGEST = 400
"""Lines of a place that are looked at: of a whole file its beginning is enough."""


def normalised(lines: Iterable[str]) -> tuple[str, ...]:
    """Return lines without what a formatter changes: indentation, runs of blanks, blank lines."""
    return tuple([text for line in lines if (text := " ".join(line.split()))])


def digest(*words: str) -> str:
    """Return 16 hexadecimal digits of some texts."""
    text = "".join([f"{word}\0" for word in words])
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def code_digest(lines: Iterable[str]) -> str | None:
    """Return the digest of code, however it is indented; None when it is blank."""
    found = normalised(lines)
    return digest(*found) if found else None


@dataclass(frozen=True)
class Source:
    """The text of a file."""

    text: str
    is_python: bool = False

    @cached_property
    def lines(self) -> Sequence[str]:
        """Its lines, without their ends."""
        return self.text.splitlines()

    def between(self, first: int, last: int) -> Sequence[str]:
        """Return the lines from `first` to `last`, both counted from 1."""
        return self.lines[first - 1 : min(last, first + _LONGEST - 1)]

    def before(self, first: int) -> str | None:
        """Return the digest of the nearest lines above `first`."""
        found = normalised(self.lines[max(0, first - 1 - 4 * _AROUND) : first - 1])[-_AROUND:]
        return digest("<", *found)

    def after(self, last: int) -> str | None:
        """Return the digest of the nearest lines below `last`."""
        found = normalised(self.lines[last : last + 4 * _AROUND])[:_AROUND]
        return digest(">", *found)

    def symbol_at(self, line: int) -> str | None:
        """Return the qualified name of the function or class that a line of Python stands in."""
        starts, names = self._scopes
        at = bisect.bisect_right(starts, line) - 1
        return names[at] if at >= 0 else None

    @cached_property
    def _scopes(self) -> tuple[Sequence[int], Sequence[str | None]]:
        """From which line on which symbol holds."""
        if not self.is_python:
            return (), ()
        return scopes(self.text)
