"""The text of a Python file as bytes, addressed by the positions of its syntax tree."""

from __future__ import annotations

import ast
import re
from functools import cached_property

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)


Placed = ast.expr | ast.stmt | ast.keyword
"""What knows where it stands."""


class NoSource(ValueError):
    """A file cannot be mutated; the message says why."""


class Source:
    """A file: its bytes, its tree, and where in the bytes the nodes of the tree lie."""

    def __init__(self, data: bytes) -> None:
        """Read `data`.

        Raises:
            NoSource: it is no UTF-8, or no Python that this interpreter can read.
        """
        self.data = data
        cookie = _COOKIE.search(b"\n".join(data.split(b"\n")[:2]))
        if cookie is not None and cookie[1].lower() not in (b"utf-8", b"utf8"):
            raise NoSource(f"is written in {cookie[1].decode()}, and only UTF-8 is mutated")
        try:
            data.decode()
        except UnicodeDecodeError:
            raise NoSource("is not UTF-8") from None
        try:
            self.tree = ast.parse(data)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise NoSource(f"is no Python that can be read: {error}") from None

    @cached_property
    def _starts(self) -> list[int]:
        first = len(_BOM) if self.data.startswith(_BOM) else 0
        return [first, *(found.end() for found in _LINE_END.finditer(self.data))]

    def at(self, line: int, column: int) -> int:
        """Return the offset of a position: line from 1, column in bytes from 0."""
        return self._starts[line - 1] + column

    def start(self, node: Placed) -> int:
        """Return where a node begins."""
        return self.at(node.lineno, node.col_offset)

    def end(self, node: Placed) -> int:
        """Return where a node ends."""
        line, column = node.end_lineno, node.end_col_offset
        assert line is not None and column is not None
        return self.at(line, column)

    def text(self, node: Placed) -> str:
        """Return a node's text."""
        return self.data[self.start(node) : self.end(node)].decode()

    def line_of(self, offset: int) -> int:
        """Return the line of an offset, from 1."""
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= offset else (low, middle)
        return low + 1

    def line_start(self, line: int) -> int:
        """Return where a line begins; behind the last one, the end of the file."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.data)

    def find(self, pattern: bytes, start: int, end: int) -> tuple[int, int] | None:
        """Return where `pattern`, a regular expression, stands between two nodes.

        What lies there are blanks, brackets, operators and comments; the last are passed over.
        """
        wanted = re.compile(rb"#[^\r\n]*|(" + pattern + rb")")
        for found in wanted.finditer(self.data, start, end):
            if found[1] is not None:
                return found.start(), found.end()
        return None

    def dot_before(self, attribute: ast.Attribute) -> int | None:
        """Return where the dot of ``value.attr`` stands."""
        found = self.find(rb"\.", self.end(attribute.value), self.end(attribute))
        return None if found is None else found[0]


def first_line(node: ast.stmt) -> int:
    """Return the line in which a statement begins, its decorators counted."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])
