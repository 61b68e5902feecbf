"""How help is laid out: within the terminal whatever its width, words whole."""

from __future__ import annotations

from collections.abc import Iterable

import click

from app.cli.wrapping import wrapped

_NARROW = 60
"""Columns below which explanations stand below what they explain."""


class HelpFormatter(click.HelpFormatter):
    """Click's, which takes no terminal for narrower than fifty columns and breaks words."""

    def __init__(self, width: int | None = None, max_width: int | None = None) -> None:
        """Take the width of the terminal, where nothing else is given."""
        if width is None:
            from shutil import get_terminal_size

            width = min(get_terminal_size().columns, max_width or 80) - 1
        super().__init__(width=width)

    def write_text(self, text: str) -> None:
        """Write paragraphs, filled."""
        for line in wrapped(_filled(text), self.width, indent=self.current_indent):
            self.write(f"{line}\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write terms with their explanations beside them, or below where there is no room."""
        given = list(rows)
        longest = max((len(term) for term, _ in given), default=0)
        column = 4 if self.width < _NARROW else min(longest, col_max) + col_spacing
        for term, text in given:
            indent = self.current_indent + column
            lines = wrapped(_filled(text), self.width, indent=indent) if text else []
            head = f"{' ' * self.current_indent}{term}"
            if lines and len(head) + col_spacing <= indent:
                head = head.ljust(indent) + lines.pop(0).strip()
            self.write("".join(f"{line}\n" for line in [head, *lines]))


def _filled(text: str) -> str:
    """Return a docstring's paragraphs, a line each."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
