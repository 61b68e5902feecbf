"""What a person sees on a terminal while a run goes on; nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from app.cli.text import visible

if TYPE_CHECKING:
    from rich.status import Status


class Progress:
    """A spinner on standard error."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from app.cli.terminal import console_on  # Rich is slow to load

            self._status = console_on(sys.stderr).status("")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def show(self, run: Mapping[str, Any]) -> None:
        """Say where `run` stands."""
        if self._status is None:
            return
        from rich.text import Text  # Rich is slow to load

        attempt = run.get("attempt")
        again = f", attempt {attempt}" if isinstance(attempt, int) and attempt > 1 else ""
        words = f"{run.get('kind')} of {run.get('ticket')}: {run.get('status')}{again}"
        self._status.update(Text(visible(words)))
