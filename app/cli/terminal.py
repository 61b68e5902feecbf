"""Tables and texts on a terminal, drawn with Rich. Nothing in them is taken for markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from app.cli.colours import style_of
from app.cli.screen import Screen
from app.cli.tables import Table
from app.cli.text import flat, visible_block


def console_on(stream: TextIO) -> Console:
    """Return a console that prints text as it is; it honours NO_COLOR and the terminal's width."""
    return Console(file=stream, markup=False, highlight=False, emoji=False)


def cell(value: object) -> Text:
    """Return a cell of a table: one line; the words of results in their colour."""
    text = flat(value)
    return Text(text, style=style_of(text))


class Terminal:
    """A terminal to draw on; what is drawn goes to its screen as lines."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._console = Console(
            file=StringIO(),
            width=screen.width,
            force_terminal=True,
            color_system="standard" if screen.colour else None,
            markup=False,
            highlight=False,
            emoji=False,
        )

    def table(self, table: Table, rows: Sequence[Sequence[object]]) -> None:
        """Draw a table whose long cells are folded, or say that there is nothing."""
        if not rows:
            if table.empty:
                self._print(Text(table.empty))
            return
        if table.title:
            self._heading(table.title)
        self._print(_drawn(table.columns, rows))

    def fields(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Draw names and values in two columns."""
        grid = RichTable.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in pairs:
            grid.add_row(Text(name), cell(value))
        self._print(grid)

    def passage(self, title: str, body: str) -> None:
        """Draw a longer text, indented under its title."""
        self._heading(title)
        self._print(Padding(Text(visible_block(body).strip("\n")), (0, 0, 0, 2)))

    def _heading(self, title: str) -> None:
        self._screen.write("")
        self._print(Text(flat(title), style="bold"))

    def _print(self, drawn: RenderableType) -> None:
        with self._console.capture() as captured:
            self._console.print(drawn)
        self._screen.write("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _drawn(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> RichTable:
    drawn = RichTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    # A column without a word in it would only take width from the others.
    kept = [n for n in range(len(columns)) if any(row[n] not in (None, "") for row in rows)]
    for n in kept:
        # Folded, not cut: an id or a node id is there to be copied.
        drawn.add_column(Text(columns[n]), overflow="fold")
    for row in rows:
        drawn.add_row(*(cell(row[n]) for n in kept))
    return drawn
