"""Rows on a terminal, whatever its width; nothing that is copied from it is ever in two pieces.

A list takes one line for each row: the column that may be cut gives way first, down to `LEAST`
cells; then columns that may go do so, one after another. A table that has no such columns and does
not fit is written as blocks instead: a line of what is short in a row, with the names of its
columns, and what is long below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.cli.colours import painted, style_of
from app.cli.tables import Table
from app.cli.text import flat, visible_block
from app.cli.wrapping import cell_len, cut_to, wrapped, wrapped_parts

GAP = 2
LEAST = 24
"""Cells that the column to be cut keeps while another one can go."""

Rows = Sequence[Sequence[object]]


def lines(table: Table, rows: Rows, width: int, *, colour: bool) -> list[str]:
    """Return what is seen of a table with rows on a terminal of so many columns."""
    cells = [[flat(value) for value in row] for row in rows]
    shown = [n for n in range(len(table.columns)) if any(row[n] for row in cells)]
    if table.prose or not (table.cut or table.may_go or _needs(table, cells, shown) <= width):
        return _blocks(table, rows, cells, width, colour=colour)
    return _listed(table, cells, shown, width, colour=colour)


def _needs(table: Table, cells: Sequence[Sequence[str]], shown: Sequence[int]) -> int:
    return sum(_widths(table, cells, shown).values()) + GAP * (len(shown) - 1)


def _widths(table: Table, cells: Sequence[Sequence[str]], shown: Sequence[int]) -> dict[int, int]:
    return {n: max(cell_len(table.columns[n]), *(cell_len(row[n]) for row in cells)) for n in shown}


def _listed(
    table: Table, cells: Sequence[Sequence[str]], shown: list[int], width: int, *, colour: bool
) -> list[str]:
    widths = _widths(table, cells, shown)
    cut = table.columns.index(table.cut) if table.cut else None
    for name in ("", *table.may_go):
        shown = [n for n in shown if not name or table.columns[n] != name]
        rest = sum(widths[n] for n in shown if n != cut) + GAP * (len(shown) - 1)
        least = 0 if cut is None else min(LEAST, widths.get(cut, 0))
        if width - rest >= least:
            break
    if cut in shown:
        widths[cut] = max(0, min(widths[cut], width - rest))
        shown = [n for n in shown if widths[n]]
    heading = _line(table.columns, shown, widths, lambda _: "bold" if colour else "")
    own = style_of if colour else lambda _: ""
    return [heading, *(_line(row, shown, widths, own) for row in cells)]


def _line(
    row: Sequence[str], shown: Sequence[int], widths: dict[int, int], styled: Callable[[str], str]
) -> str:
    parts = []
    for n in shown:
        text = cut_to(row[n], widths[n])
        padding = " " * (widths[n] - cell_len(text)) if n != shown[-1] else ""
        parts.append(painted(text, styled(text)) + padding)
    return (" " * GAP).join(parts).rstrip()


def _blocks(
    table: Table, rows: Rows, cells: Sequence[Sequence[str]], width: int, *, colour: bool
) -> list[str]:
    longest = max(range(len(table.columns)), key=lambda n: max(cell_len(row[n]) for row in cells))
    below = table.columns.index(table.prose) if table.prose else longest
    found: list[str] = []
    for row, texts in zip(rows, cells, strict=True):
        parts = [painted(texts[0], "bold" if colour else "")]
        for name, text in list(zip(table.columns, texts, strict=True))[1:]:
            if text and name != table.columns[below]:
                style = style_of(text) if colour else ""
                parts.append(f"{name} {painted(text, style)}".lstrip())
        if table.prose and found:
            found.append("")
        found += wrapped_parts(parts, width, indent=4, gap=GAP)
        if below and texts[below]:
            found += wrapped(visible_block(row[below]).strip(), width, indent=2)
    return found
