"""What a command prints: JSON, plain lines for pipes, or tables for people on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from app.cli.colours import painted
from app.cli.errors import OutputLost, PipeClosed
from app.cli.moments import Moment
from app.cli.selection import Selection
from app.cli.tables import Id, Table
from app.cli.text import flat, json_text, visible, visible_block

if TYPE_CHECKING:
    from app.cli.screen import Screen
    from app.cli.terminal import Terminal


_OF_DIFFS = {"+": "green", "-": "bold red"}


class Output:
    """Where a command's answer goes, and in which form."""

    def __init__(self, selection: Selection | None = None) -> None:
        self._selection = selection or Selection()
        self.as_json = self._selection.is_wanted
        """JSON is wanted, not the view for people and pipes."""
        self.terminal = sys.stdout.isatty()
        """A person reads it; else a pipe or a file."""
        self._screen = self._opened() if self.terminal else None

    def _opened(self) -> Screen:
        from app.cli.screen import Screen  # a pipe has no use for it

        return Screen(sys.stdout)

    @cached_property
    def _drawn(self) -> Terminal:
        from app.cli.terminal import Terminal  # a pipe has no use for it

        assert self._screen is not None
        return Terminal(self._screen)

    def live(self) -> None:
        """Print what comes from now on at once, without a pager."""
        if self._screen is not None:
            self._screen.live()

    def close(self) -> None:
        """Print what a terminal held back, and wait for the pager's reader."""
        if self._screen is not None:
            self._screen.close()

    def json(self, value: Any) -> None:
        """Print the service's answer, or what was selected of it.

        It is indented for people, and one line for pipes.

        Raises:
            UsageProblem: a field that is selected is not there, or the filter does not fit.
        """
        for text in self._selection.of(value, pretty=self.terminal):
            self._write(text)

    def printed_json(self, value: Any) -> bool:
        """Print the answer as JSON where that is wanted, and tell whether it was; see `json`."""
        if self.as_json:
            self.json(value)
        return self.as_json

    def problem(self, value: Any) -> None:
        """Print an error of the service as JSON, whatever was selected of a better answer."""
        self._write(json_text(value, pretty=self.terminal))

    def table(self, table: Table) -> None:
        """Print rows: a table, or one tab-separated line each, without a heading."""
        if self._screen is None:
            for row in table.rows:
                cells = [table.kind, *row] if table.kind else row
                self._write("\t".join(visible(cell) for cell in cells))
            return
        self._drawn.table(table, _for_people(table.rows))

    def row(self, cells: Sequence[object]) -> None:
        """Print a row whose table has no end: a line on a terminal, cut where that ends."""
        if self._screen is None:
            self._write("\t".join(visible(cell) for cell in cells))
            return
        from app.cli.wrapping import cut_to  # a pipe has no use for it

        given = (v.brief() if isinstance(v, Moment) else flat(v) for v in cells)
        self._screen.write(cut_to("  ".join(given), self._screen.width))

    def fields(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Print names with values; those without a value are left out."""
        given = [(name, value) for name, value in pairs if value not in (None, "", (), [])]
        if self.terminal:
            self._drawn.fields((name, _with_distance(value)) for name, value in given)
            return
        for name, value in given:
            self._write(f"{name.replace(' ', '_')}\t{visible(value)}")

    def passage(self, kind: str, title: str, body: str, *, verbatim: bool = False) -> None:
        """Print a longer text under a title; verbatim, as it is to be typed."""
        if self.terminal:
            self._drawn.passage(title, body, verbatim=verbatim)
        else:
            cells = (kind, title, body) if title.lower() != kind else (kind, body)
            self._write("\t".join(visible(cell) for cell in cells))

    def raw(self, content: bytes) -> None:
        """Write bytes as they are, for a pipe or a file."""
        with written():
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()

    def line(self, text: object) -> None:
        """Print a line, the same for people and pipes."""
        self._write(visible(text))

    def block(self, text: str) -> None:
        """Print a text of several lines, safe to look at."""
        self._write(visible_block(text).rstrip("\n"))

    def diff(self, text: str) -> None:
        """Print a unified diff, with colours on a terminal that has them."""
        colour = self._screen is not None and self._screen.colour
        for line in visible_block(text).rstrip("\n").split("\n"):
            self._write(painted(line, _OF_DIFFS.get(line[:1], "") if colour else ""))

    def remark(self, text: str) -> None:
        """Tell a person something that is not part of the answer; pipes and JSON do not get it."""
        if self.terminal and not self.as_json:
            self._write(visible(text))

    def _write(self, text: str) -> None:
        with written():
            if self._screen is not None:
                self._screen.write(text)
            else:
                print(text)


@contextmanager
def written() -> Iterator[None]:
    """Write to standard output.

    Raises:
        PipeClosed: nobody reads it.
        OutputLost: it cannot be written.
    """
    try:
        yield
    except BrokenPipeError:
        raise PipeClosed("nobody reads the output") from None
    except OSError as error:
        raise OutputLost(f"the output cannot be written: {error.strerror}") from None


def _for_people(rows: Iterable[Sequence[object]]) -> list[list[object]]:
    """Return rows with times as distances and ids as short as they can be told apart."""
    found = [[v.distance() if isinstance(v, Moment) else v for v in row] for row in rows]
    for column in zip(*found, strict=True):
        ids = {value for value in column if isinstance(value, Id)}
        length = Id.distinct(ids)
        for n, row in enumerate(found):
            found[n] = [v[:length] if isinstance(v, Id) and v in ids else v for v in row]
    return found


def _with_distance(value: object) -> object:
    return f"{value} ({value.distance()})" if isinstance(value, Moment) else value


def say(text: str) -> None:
    """Say something beside the answer, on standard error."""
    print(visible(text), file=sys.stderr)
