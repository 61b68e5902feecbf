"""Tables and texts on a terminal, drawn with Rich. Nothing in them is taken for markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from app.cli.tables import Table
from app.cli.text import flat, visible_block

_GOOD = "proven passed passing fix-ready ENDORSE SATISFIED finished yes"
_BAD = "failed error timed-out regressed cannot-fail not-fixed breaks-others reproduced OBJECT P0"
_MIXED = "inconclusive skipped xfailed xpassed cancelled REFINE P1 running queued unverified"
_STYLES = {
    **dict.fromkeys(_GOOD.split(), "green"),
    **dict.fromkeys(_BAD.split(), "bold red"),
    **dict.fromkeys(_MIXED.split(), "yellow"),
}


def console_on(stream: TextIO) -> Console:
    """Return a console that prints text as it is; it honours NO_COLOR and the terminal's width."""
    return Console(file=stream, markup=False, highlight=False, emoji=False)


def cell(value: object) -> Text:
    """Return a cell of a table: one line; the words of results in their colour."""
    text = flat(value)
    return Text(text, style=_STYLES.get(text.partition(" ")[0], "") if text else "")


class Terminal:
    """A terminal to draw on."""

    def __init__(self, stream: TextIO) -> None:
        self._console = console_on(stream)

    def table(self, table: Table) -> None:
        """Draw a table, or say that there is nothing."""
        rows = [list(row) for row in table.rows]
        if not rows:
            if table.empty:
                self._console.print(Text(table.empty))
            return
        if table.title:
            self._heading(table.title)
        self._console.print(_drawn(table.columns, rows))

    def fields(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Draw names and values in two columns."""
        grid = RichTable.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in pairs:
            grid.add_row(Text(name), cell(value))
        self._console.print(grid)

    def passage(self, title: str, body: str) -> None:
        """Draw a longer text, indented under its title."""
        self._heading(title)
        self._console.print(Padding(Text(visible_block(body).strip("\n")), (0, 0, 0, 2)))

    def _heading(self, title: str) -> None:
        self._console.print()
        self._console.print(Text(flat(title), style="bold"))


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
