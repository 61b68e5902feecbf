"""Values that stand in one line, where ``<!--`` would begin a comment."""

from __future__ import annotations

import re

_OPENED = re.compile(r"\\*<!--")
_ESCAPED = re.compile(r"\\(\\*<!--)")
_GAP = re.compile(r" {7,}")
"""What a comment leaves behind at the least, once it is read over."""


def protect(text: str) -> str:
    """Text for a line of a document, where it is to hold no comment."""
    return _OPENED.sub(r"\\\g<0>", text) if "<!--" in text else text


def expose(text: str) -> str:
    """The text that :func:`protect` was given."""
    return _ESCAPED.sub(r"\1", text) if "<!--" in text else text


def without_gaps(text: str) -> str:
    """A value as it is read from its line, each gap that a comment left closed."""
    return _GAP.sub(" ", text).strip() if "       " in text else text


def read_line(text: str) -> str:
    """The value that a line of a document states."""
    return expose(without_gaps(text))
