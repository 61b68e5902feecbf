"""Markdown of other projects: where a layout keeps its facts, and documents read by it."""

from __future__ import annotations

from app.formats.layouts.document import LaidOut, read
from app.formats.layouts.guess import nearest, proposed
from app.formats.layouts.layout import Layout, from_plain, from_toml, shipped, to_plain, to_toml

__all__ = [
    "LaidOut",
    "Layout",
    "from_plain",
    "from_toml",
    "nearest",
    "proposed",
    "read",
    "shipped",
    "to_plain",
    "to_toml",
]
