"""Tables, fields and texts on a terminal, written to its screen line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.cli import grid
from app.cli.colours import painted, style_of
from app.cli.screen import Screen
from app.cli.tables import Table
from app.cli.text import flat, visible_block
from app.cli.wrapping import wrapped

_INDENT = 2


class Terminal:
    """A terminal to write on."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def table(self, table: Table, rows: Sequence[Sequence[object]]) -> None:
        """Write a table, or say that there is nothing."""
        if not rows:
            if table.empty:
                self._screen.write("\n".join(wrapped(flat(table.empty), self._screen.width)))
            return
        if table.title:
            self._heading(table.title)
        for line in grid.lines(table, rows, self._screen.width, colour=self._screen.colour):
            self._screen.write(line)

    def fields(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Write names and values in two columns."""
        given = [(name, flat(value)) for name, value in pairs]
        longest = max((len(name) for name, _ in given), default=0)
        for name, value in given:
            first, *further = wrapped(value, self._screen.width - longest - grid.GAP)
            style = style_of(value)
            gap = " " * (longest - len(name) + grid.GAP)
            self._screen.write(self._painted(name, "bold") + gap + self._painted(first, style))
            for line in further:
                self._screen.write(" " * (longest + grid.GAP) + self._painted(line, style))

    def passage(self, title: str, body: str, *, verbatim: bool = False) -> None:
        """Write a longer text, indented under its title; verbatim, no line of it is wrapped."""
        self._heading(title)
        text = visible_block(body).strip("\n")
        if verbatim:
            lines = [f"{' ' * _INDENT}{line}" for line in text.split("\n")]
        else:
            lines = wrapped(text, self._screen.width, indent=_INDENT)
        self._screen.write("\n".join(lines))

    def _heading(self, title: str) -> None:
        self._screen.write("")
        self._screen.write(self._painted(flat(title), "bold"))

    def _painted(self, text: str, style: str) -> str:
        return painted(text, style) if self._screen.colour else text
