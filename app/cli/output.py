"""What a command prints: JSON, plain lines for pipes, or tables for people on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from app.cli.errors import PipeClosed
from app.cli.tables import Table
from app.cli.text import json_text, visible, visible_block

if TYPE_CHECKING:
    from app.cli.terminal import Terminal


class Output:
    """Where a command's answer goes, and in which form."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.terminal = sys.stdout.isatty()
        """A person reads it; else a pipe or a file."""

    @cached_property
    def _drawn(self) -> Terminal:
        from app.cli.terminal import Terminal  # Rich is slow to load, pipes need none

        return Terminal(sys.stdout)

    def json(self, value: Any) -> None:
        """Print the service's answer as it is: indented for people, one line for pipes."""
        _write(json_text(value, pretty=self.terminal))

    def table(self, table: Table) -> None:
        """Print rows: a table, or one tab-separated line each, without a heading."""
        if self.terminal:
            self._drawn.table(table)
            return
        for row in table.rows:
            cells = [table.kind, *row] if table.kind else row
            _write("\t".join(visible(cell) for cell in cells))

    def fields(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Print names with values; those without a value are left out."""
        given = [(name, value) for name, value in pairs if value not in (None, "", (), [])]
        if self.terminal:
            self._drawn.fields(given)
            return
        for name, value in given:
            _write(f"{name.replace(' ', '_')}\t{visible(value)}")

    def passage(self, kind: str, title: str, body: str) -> None:
        """Print a longer text under a title."""
        if self.terminal:
            self._drawn.passage(title, body)
        else:
            cells = (kind, title, body) if title.lower() != kind else (kind, body)
            _write("\t".join(visible(cell) for cell in cells))

    def raw(self, content: bytes) -> None:
        """Write bytes as they are, for a pipe or a file."""
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise PipeClosed("nobody reads the output") from None

    def line(self, text: object) -> None:
        """Print a line, the same for people and pipes."""
        _write(visible(text))

    def block(self, text: str) -> None:
        """Print a text of several lines, safe to look at."""
        _write(visible_block(text).rstrip("\n"))

    def remark(self, text: str) -> None:
        """Tell a person something that is not part of the answer; pipes and JSON do not get it."""
        if self.terminal and not self.as_json:
            _write(visible(text))


def _write(text: str) -> None:
    """Print a line.

    Raises:
        PipeClosed: nobody reads it.
    """
    try:
        print(text)
    except BrokenPipeError:
        raise PipeClosed("nobody reads the output") from None


def say(text: str) -> None:
    """Say something beside the answer, on standard error."""
    print(visible(text), file=sys.stderr)
