"""A terminal that is written to line by line: what is longer than the screen goes to a pager.

``FINDINGS_PAGER`` or ``PAGER`` names it, else it is ``less``; empty or ``cat`` is none.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from app.cli.errors import PipeClosed

if TYPE_CHECKING:
    import subprocess

_LESS = "FRX"
"""As git and gh do: quit when all fits, keep colours, leave the text on the screen."""


class Screen:
    """Standard output while a command runs on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        from shutil import get_terminal_size  # a pipe has no use for it

        size = get_terminal_size()
        self.width = size.columns
        self.colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._stream = stream
        self._held: list[str] = []
        self._room = size.lines - 1  # the prompt takes a line
        self._pager: subprocess.Popen[str] | None = None
        self._command = _pager()

    def write(self, text: str) -> None:
        """Print lines, at once or when it is known whether all of them fit.

        Raises:
            PipeClosed: the pager was left.
        """
        if self._pager is not None:
            self._send(text)
        elif self._command is None:
            print(text, file=self._stream)
        else:
            self._held.append(text)
            if sum(part.count("\n") + 1 for part in self._held) > self._room:
                self._page()

    def live(self) -> None:
        """Print what comes from now on at once: somebody watches it."""
        self.flush()
        self._command = None

    def flush(self) -> None:
        """Print what is held back."""
        held, self._held = self._held, []
        for text in held:
            print(text, file=self._stream)
        self._stream.flush()

    def close(self) -> None:
        """Print what is held back, or wait until the reader leaves the pager."""
        self.flush()
        if self._pager is None:
            return
        try:
            if self._pager.stdin is not None:
                self._pager.stdin.close()
        except BrokenPipeError:
            pass  # it was left before its end
        while True:
            try:
                self._pager.wait()
                return
            except KeyboardInterrupt:
                continue  # Ctrl-C is the pager's as long as it is there

    def _page(self) -> None:
        import subprocess  # most answers fit the screen

        command, held = self._command, self._held
        assert command is not None
        self._command, self._held = None, []
        try:
            self._pager = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=self._stream,
                text=True,
                encoding="utf-8",
                errors="backslashreplace",
                env={"LESS": _LESS, "LV": "-c"} | dict(os.environ),
            )
        except OSError:
            self._pager = None  # it is not there: plain output does as well
        for text in held:
            self.write(text)

    def _send(self, text: str) -> None:
        assert self._pager is not None
        assert self._pager.stdin is not None
        try:
            self._pager.stdin.write(f"{text}\n")
        except BrokenPipeError:
            raise PipeClosed("the pager was left") from None


def _pager() -> list[str] | None:
    """Return the pager's command, or None where there is none to be used."""
    import shlex
    from shutil import which

    given = os.environ.get("FINDINGS_PAGER", os.environ.get("PAGER", "less"))
    try:
        words = shlex.split(given)
    except ValueError:
        return None
    if not words or words == ["cat"] or not sys.stdin.isatty() or which(words[0]) is None:
        return None
    return words
