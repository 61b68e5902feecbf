"""A pseudo-terminal with a person before it: a program runs there, and its screen can be read."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping, Sequence

import pyte
from ptyprocess import PtyProcess

_UNTIL_S = 30.0


class Screen:
    """A program on a terminal of its own."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.columns = columns
        self.raw = b""
        """All that was written."""
        given = {name: text for name, text in os.environ.items() if name not in _LEFT_OUT}
        self._process = PtyProcess.spawn(
            list(command),
            dimensions=(lines, columns),
            env=given | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} | dict(environment or {}),
        )
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        """What stands on the screen now, line by line."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def types(self, text: str) -> None:
        """Type `text`; ``\\r`` is the return key, ``\\t`` the tabulator."""
        self._process.write(text.encode())

    def shows(self, wanted: str) -> str:
        """Wait until the screen holds `wanted`, and return the screen."""
        until = time.monotonic() + _UNTIL_S
        while wanted not in self.text:
            assert time.monotonic() < until, f"{wanted!r} is not on the screen:\n{self.text}"
            if not self._reads(0.05):
                assert wanted in self.text, f"ended without {wanted!r}:\n{self.text}"
        return self.text

    def ends(self) -> int:
        """Read until the program ends, and return its exit code."""
        until = time.monotonic() + _UNTIL_S
        while self._reads(0.05):
            assert time.monotonic() < until, f"it goes on:\n{self.text}"
        self._process.wait()
        if self._process.exitstatus is None:
            return -int(self._process.signalstatus or 0)
        return int(self._process.exitstatus)

    def interrupts(self) -> None:
        """Press Ctrl-C."""
        self._process.sendintr()

    def close(self) -> None:
        """End the program, should it still run."""
        self._process.close(force=True)

    def _reads(self, seconds: float) -> bool:
        """Take what was written within `seconds`; False once the program has ended."""
        if not select.select([self._process.fd], [], [], seconds)[0]:
            return True
        try:
            written = self._process.read(65536)
        except EOFError:
            return False
        self.raw += written
        self._stream.feed(written)
        return True


_LEFT_OUT = {"NO_COLOR", "COLUMNS", "LINES", "PAGER", "FINDINGS_PAGER", "LESS", "EDITOR", "VISUAL"}
