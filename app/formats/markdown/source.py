"""The lines of a document, byte-exact, and how they are replaced."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.formats.markdown.problems import FormatError, FormatProblem

_LINE_END = re.compile(r"\r\n|\r|\n")
BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Span:
    """Lines ``start`` up to but not including ``end``, from 0."""

    start: int
    end: int

    def __bool__(self) -> bool:
        return self.end > self.start


@dataclass(frozen=True, slots=True)
class Patch:
    """Lines to put in the place of ``[start, end)``; an empty range inserts."""

    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Text split at line ends as Markdown sees them (LF, CRLF or CR)."""

    lines: tuple[str, ...]
    """Without their line ends."""

    ends: tuple[str, ...]
    """The line end of each line; empty for a last line without one."""

    bom: bool = False
    _written: tuple[str, ...] | None = None

    @property
    def written(self) -> tuple[str, ...]:
        """The lines as they are, where :attr:`lines` are without their comments."""
        return self.lines if self._written is None else self._written

    def read_as(self, lines: tuple[str, ...]) -> Source:
        """The source with other lines for reading, which keep the columns of its own."""
        return Source(lines, self.ends, self.bom, self.lines)

    @property
    def text(self) -> str:
        """The lines joined by LF, which keeps line numbers."""
        return "\n".join(self.lines)

    @property
    def line_end(self) -> str:
        """The line end that new lines get: the one of the first line."""
        return self.ends[0] if self.ends and self.ends[0] else "\n"

    def encode(self) -> bytes:
        """The bytes this was read from, or those of its edited lines."""
        body = "".join(a + b for a, b in zip(self.lines, self.ends, strict=True))
        return ((BOM if self.bom else "") + body).encode("utf-8")

    def slice(self, span: Span) -> str:
        """The text of some lines, joined by LF."""
        return "\n".join(self.lines[span.start : span.end])

    def replace(self, patches: Iterable[Patch]) -> Source:
        """A copy with the patches applied; they may not overlap.

        Those that insert at the same place keep their order. The document keeps whether its
        last line has a line end.
        """
        lines, ends = list(self.lines), list(self.ends)
        open_end = bool(ends) and not ends[-1]
        numbered = [(patch.start, patch.end, number, patch) for number, patch in enumerate(patches)]
        for *_, patch in sorted(numbered, key=lambda entry: entry[:3], reverse=True):
            lines[patch.start : patch.end] = patch.lines
            ends[patch.start : patch.end] = [self.line_end] * len(patch.lines)
        ends = [end or self.line_end for end in ends]
        if open_end and ends:
            ends[-1] = ""
        return Source(tuple(lines), tuple(ends), self.bom)


def decode(data: bytes, max_bytes: int) -> Source:
    """Split bytes into lines.

    Raises:
        FormatError: too large, not UTF-8, or holding a NUL.

    """
    if len(data) > max_bytes:
        reason = f"the document has more than {max_bytes} bytes, the most that is read"
        raise FormatError([FormatProblem(1, reason)])
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise FormatError([FormatProblem(1, "not UTF-8: this begins like UTF-16")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise FormatError([FormatProblem(line, reason)]) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FormatError([FormatProblem(line, "a NUL character: this is not text")])
    bom = text.startswith(BOM)
    return split(text[1:] if bom else text, bom=bom)


def split(text: str, *, bom: bool = False) -> Source:
    """Split text at its line ends."""
    lines: list[str] = []
    ends: list[str] = []
    at = 0
    for match in _LINE_END.finditer(text):
        lines.append(text[at : match.start()])
        ends.append(match.group())
        at = match.end()
    if at < len(text):
        lines.append(text[at:])
        ends.append("")
    return Source(tuple(lines), tuple(ends), bom)


def is_blank(line: str) -> bool:
    """True for a line that Markdown takes as empty."""
    return not line.strip(" \t")


def trim(lines: Sequence[str], span: Span, *, rules: bool = False) -> Span:
    """A span without the empty lines around it, and without ``---`` at its end if asked."""
    start, end = span.start, span.end
    while end > start and (is_blank(lines[end - 1]) or (rules and is_rule(lines[end - 1]))):
        end -= 1
    while start < end and is_blank(lines[start]):
        start += 1
    return Span(start, end)


def is_rule(line: str) -> bool:
    """True for the separator between sections."""
    return line.rstrip(" \t") == "---"


def is_row(line: str) -> bool:
    """True when a line begins as a table row."""
    return line.lstrip(" \t").startswith("|")
