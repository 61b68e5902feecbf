"""Rows of a list on a terminal: one line each, whatever the width.

The column that may be cut gives way first, down to `LEAST` cells; then columns that may go do so,
one after another. What is left is never cut: a key in two pieces could not be copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.cli.colours import SGR, style_of
from app.cli.tables import Table
from app.cli.text import flat

GAP = 2
LEAST = 24
"""Cells that the column to be cut keeps while another one can go."""


def lines(table: Table, rows: Sequence[Sequence[object]], width: int, *, colour: bool) -> list[str]:
    """Return a heading and a line for each row, of `width` cells at most where keys allow it."""
    cells = [[flat(value) for value in row] for row in rows]
    shown = [n for n in range(len(table.columns)) if any(row[n] for row in cells)]
    widths = {
        n: max(cell_len(table.columns[n]), *(cell_len(row[n]) for row in cells)) for n in shown
    }
    cut = table.columns.index(table.cut)
    for name in ("", *table.may_go):
        shown = [n for n in shown if not name or table.columns[n] != name]
        rest = sum(widths[n] for n in shown if n != cut) + GAP * (len(shown) - 1)
        if width - rest >= min(LEAST, widths.get(cut, 0)):
            break
    if cut in shown:
        widths[cut] = max(0, min(widths[cut], width - rest))
        shown = [n for n in shown if widths[n]]
    heading = [table.columns[n] for n in range(len(table.columns))]
    styles = (lambda _: "bold") if colour else (lambda _: "")
    drawn = [_line(heading, shown, widths, styles)]
    own = style_of if colour else styles
    return drawn + [_line(row, shown, widths, own) for row in cells]


def _line(
    row: Sequence[str], shown: Sequence[int], widths: dict[int, int], styled: Callable[[str], str]
) -> str:
    parts = []
    for n in shown:
        text = cut_to(row[n], widths[n])
        padding = " " * (widths[n] - cell_len(text)) if n != shown[-1] else ""
        style = styled(text)
        parts.append((f"\x1b[{SGR[style]}m{text}\x1b[0m" if style else text) + padding)
    return (" " * GAP).join(parts).rstrip()


def cut_to(text: str, width: int) -> str:
    """Return `text` within so many cells; what is cut ends in an ellipsis."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[: width - 1] if text.isascii() else text[:-1]
    return f"{text}…" if width else ""


def cell_len(text: str) -> int:
    """Return how many cells of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len as measured  # slow to load

    return measured(text)
