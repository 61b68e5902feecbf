"""What a person sees on a terminal while a run goes on; nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TextIO

from app.cli.errors import Stopped
from app.cli.text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID
    from rich.status import Status


_WIDE = 60
"""From so many columns on a bar is drawn, and what is being done is named."""


class Progress:
    """A spinner on standard error."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._status = _console(sys.stderr).status("")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    @property
    def is_shown(self) -> bool:
        """Whether somebody looks."""
        return self._status is not None

    def show(self, run: Mapping[str, Any]) -> None:
        """Say where `run` stands."""
        attempt = run.get("attempt")
        again = f", attempt {attempt}" if isinstance(attempt, int) and attempt > 1 else ""
        self.say(f"{run.get('kind')} of {run.get('ticket')}: {run.get('status')}{again}")

    def say(self, words: str) -> None:
        """Say how it goes."""
        if self._status is not None:
            from rich.text import Text  # Rich is slow to load

            self._status.update(Text(visible(words)))


@contextmanager
def resumable(detail: Callable[[], str], remedy: str) -> Iterator[None]:
    """Say what is done and how to go on, when Ctrl-C ends what takes long.

    Raises:
        Stopped: it did.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(detail(), remedy) from None


class Bar:
    """A bar on standard error: how much of something is done, how fast, and what is left of it."""

    def __init__(
        self, title: str, total: int | None, *, in_bytes: bool = False, passing: bool = False
    ) -> None:
        """Prepare for so many things, or bytes; None where nobody knows yet how many there are.

        One that is `passing` leaves nothing behind, and makes room for lines.
        """
        self._title, self._total, self._in_bytes = title, total, in_bytes
        self._passing = passing
        self.done = 0
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._total != 0 and sys.stderr.isatty():
            from rich import progress  # Rich is slow to load

            amount: tuple[progress.ProgressColumn, ...]
            if self._in_bytes:
                amount = (progress.DownloadColumn(), progress.TransferSpeedColumn())
            else:
                amount = (
                    progress.MofNCompleteColumn(),
                    progress.TextColumn("{task.fields[rate]}", markup=False),
                )
            is_open = self._total is None and self._in_bytes
            left = () if is_open else (progress.TimeRemainingColumn(compact=True),)
            console = _console(sys.stderr)
            is_wide = console.width >= _WIDE  # else there is room for figures only
            self._bar = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),
                *((progress.BarColumn(bar_width=20),) if is_wide else ()),
                *amount,
                *left,
                *((progress.TextColumn("{task.fields[now]}", markup=False),) if is_wide else ()),
                console=console,
                transient=self._passing,
            )
            self._task = self._bar.add_task(self._title, total=self._total, now="", rate="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, now="")
            self._bar.stop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take a passing bar off the screen while something is printed."""
        if self._bar is not None:
            self._bar.stop()
        yield
        if self._bar is not None:
            self._bar.start()

    @property
    def is_shown(self) -> bool:
        """Whether somebody looks."""
        return self._bar is not None

    def expect(self, left: int) -> None:
        """Say how much is left beside what is done."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=self.done + left)

    def show(self, now: str) -> None:
        """Say what is being done."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, now=visible(now))

    def advance(self, count: int = 1) -> None:
        """Count one as done, or several."""
        self.done += count
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, count)
            elapsed = self._bar.tasks[0].elapsed
            if elapsed:
                self._bar.update(self._task, rate=rate(self.done, elapsed))

    def counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield pieces as they are, counting their bytes."""
        for piece in pieces:
            yield piece
            self.advance(len(piece))


def rate(count: float, seconds: float) -> str:
    """Write how fast something goes, by the minute where it is slow."""
    by_second = count / seconds
    return f"{by_second:.1f}/s" if by_second >= 1 else f"{60 * by_second:.1f}/min"


def _console(stream: TextIO) -> Console:
    """Return a console that prints text as it is; it honours NO_COLOR and the terminal's width."""
    from rich.console import Console  # slow to load

    return Console(file=stream, markup=False, highlight=False, emoji=False)
