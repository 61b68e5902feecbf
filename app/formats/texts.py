"""Texts of strangers: what of them can be stored and seen."""

from __future__ import annotations

import re
from typing import Any

_NOT_SHOWN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def cleaned(value: Any, most: int = 4000) -> str | None:
    """Return a text without what cannot be stored or seen; None where it is none, or blank."""
    if not isinstance(value, str):
        return None
    text = value if len(value) <= most else value[: most * 2]
    text = visible(text).strip()
    return (text if len(text) <= most else text[: most - 1] + "…") or None


def visible(text: str) -> str:
    """Return a text without what cannot be stored or seen."""
    # Most texts are of one line that shows all it has: that is told much faster.
    return text if text.isprintable() else _NOT_SHOWN.sub("", text)
