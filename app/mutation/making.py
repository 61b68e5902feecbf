"""From the places of a file to its mutants: one a line, each of which compiles and differs."""

from __future__ import annotations

import ast
import hashlib
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import CodeType

from .edit import ORDER
from .source import NoSource, Source, first_line
from .walk import Candidate, candidates


@dataclass(frozen=True)
class Made:
    """A mutant of a file."""

    digest: str
    """Of its function before and after: the same change of the same function, wherever it lies."""
    line: int
    operator: str
    function: str
    start: int
    """The bytes of the file that are replaced."""
    end: int
    text: str
    """What they are replaced by."""


def mutants(
    path: str,
    data: bytes,
    spans: Collection[tuple[int, int]],
    lines: Collection[int] | None,
) -> Iterator[Made]:
    """Make the mutants of some lines of a file, in its order.

    Args:
        path: of the file; part of the mutants' digests.
        data: the file.
        spans: first and last lines of what is mutated.
        lines: those that tests execute; None for all.

    Raises:
        NoSource: the file cannot be read.
    """
    source = Source(data)
    by_line: dict[int, list[Candidate]] = {}
    for one in candidates(source):
        if any(first <= one.line <= last for first, last in spans):
            by_line.setdefault(one.line, []).append(one)
    executed = None if lines is None else _whole_statements(source, lines)
    checker = _Checker(source)
    for line, found in sorted(by_line.items()):
        if executed is not None and line not in executed:
            continue
        for one in sorted(found, key=lambda c: (ORDER[c.edit.operator], _lot(c, data), c.line)):
            if checker.differs(one):
                yield _made(path, source, one)
                break


def _lot(candidate: Candidate, data: bytes) -> int:
    """Draw among candidates of one operator; the same text draws the same."""
    edit = candidate.edit
    return zlib.crc32(data[edit.start : edit.end] + b">" + edit.text.encode())


def _made(path: str, source: Source, one: Candidate) -> Made:
    start, end = source.line_start(one.first), source.line_start(one.last + 1)
    edit = one.edit
    before = source.data[start:end]
    after = before[: edit.start - start] + edit.text.encode() + before[edit.end - start :]
    parts = (path.encode(), one.function.encode(), before, after)
    return Made(
        digest=hashlib.sha256(b"\0".join(parts)).hexdigest(),
        line=one.line,
        operator=edit.operator.value,
        function=one.function,
        start=edit.start,
        end=edit.end,
        text=edit.text,
    )


def _whole_statements(source: Source, lines: Collection[int]) -> set[int]:
    """Return executed lines with the others of the same statement.

    An interpreter names the lines of a statement in which something begins, and not the same ones
    in each version.
    """
    found = set(lines)
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.stmt) or not node.end_lineno:
            continue
        body = getattr(node, "body", None)
        last = node.end_lineno
        if isinstance(body, list) and body:
            last = max(node.lineno, first_line(body[0]) - 1)
        own = range(first_line(node), last + 1)
        if len(own) > 1 and not found.isdisjoint(own):
            found.update(own)
    return found


class _Checker:
    """Whether a mutant is Python, and does anything else than the file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._parts = list(_parts(source, source.tree.body))
        self._before: dict[_Part, CodeType] = {}
        # What a file asks of __future__ holds in its parts, too.
        asked = [
            alias.name
            for node in source.tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "__future__"
            for alias in node.names
        ]
        self._beginning = (f"from __future__ import {','.join(asked)}\n" if asked else "").encode()

    def differs(self, candidate: Candidate) -> bool:
        edit, data = candidate.edit, self._source.data
        whole = (0, len(data), b"")
        part = next((p for p in self._parts if p[0] <= edit.start < p[1]), whole)
        start, end, head = part
        text = data[start : edit.start] + edit.text.encode() + data[edit.end : end]
        try:
            after = self._compiled(head + text)
            if part not in self._before:
                self._before[part] = self._compiled(head + data[start:end])
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return not _same(self._before[part], after)

    def _compiled(self, text: bytes) -> CodeType:
        return compile(self._beginning + text, "<mutant>", "exec", dont_inherit=True)


_Part = tuple[int, int, bytes]
"""What is compiled by itself: where it begins and ends, and what stands before it then."""


def _parts(source: Source, body: list[ast.stmt], head: bytes = b"") -> Iterator[_Part]:
    """Yield the statements of a module or class, those within a class before it.

    A class as a whole would be compiled anew for each mutant of each of its methods.
    """
    for node in body:
        start = source.line_start(first_line(node))
        if isinstance(node, ast.ClassDef):
            inner = source.line_start(first_line(node.body[0]))
            if (
                inner > source.start(node)
                and source.data[inner : source.start(node.body[0])].isspace()
            ):
                yield from _parts(source, node.body, b"class _:\n")
        yield start, source.line_start((node.end_lineno or 0) + 1), head


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two pieces of code do the same, wherever they stand."""
    if (one.co_code, one.co_names, one.co_varnames, one.co_flags, one.co_exceptiontable) != (
        other.co_code,
        other.co_names,
        other.co_varnames,
        other.co_flags,
        other.co_exceptiontable,
    ):
        return False
    pairs = zip(one.co_consts, other.co_consts, strict=False)
    return len(one.co_consts) == len(other.co_consts) and all(
        _same(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else repr(a) == repr(b)
        for a, b in pairs
    )


__all__ = ["Made", "NoSource", "mutants"]
