"""Reading what a command is given: files, standard input, JSON and TOML."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from app.cli.errors import UsageProblem
from app.cli.text import visible

LIMIT_BYTES = 8 << 20
"""Larger than anything the service takes in one call."""


def read_bytes(source: str, *, limit: int = LIMIT_BYTES) -> bytes:
    """Return the content of a file, or of standard input for ``-``.

    Raises:
        UsageProblem: it cannot be read, or is larger than `limit`.
    """
    try:
        if source == "-":
            content = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(source).open("rb") as file:
                content = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageProblem(f"{visible(source)} cannot be read: {reason}") from None
    if len(content) > limit:
        raise UsageProblem(f"{_name(source)} is larger than {limit} bytes")
    return content


def read_text(source: str) -> str:
    """Return a text file, or standard input for ``-``.

    Raises:
        UsageProblem: it cannot be read or is no UTF-8.
    """
    try:
        return read_bytes(source).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{_name(source)} is not UTF-8 (byte {error.start})") from None


def read_table(source: str) -> dict[str, Any]:
    """Return the object in a JSON file, or the table in a TOML file; ``-`` may be either.

    TOML's dates and times become text, as JSON has them.

    Raises:
        UsageProblem: it is neither, or JSON of another kind.
    """
    import tomllib  # slow to load

    text = read_text(source)
    suffix = Path(source).suffix.lower()
    looks_like_json = text.lstrip()[:1] in ("{", "[")
    try:
        if suffix == ".json" or (suffix != ".toml" and looks_like_json):
            found: Any = json.loads(text)
        else:
            found = tomllib.loads(text.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:
        kind = "JSON" if isinstance(error, json.JSONDecodeError) else "TOML"
        raise UsageProblem(f"{_name(source)} is not valid {kind}: {visible(error)}") from None
    if not isinstance(found, dict):
        raise UsageProblem(f"{_name(source)} should hold one JSON object")
    return {name: _as_json(value) for name, value in found.items()}


def is_interactive() -> bool:
    """Tell whether a person is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value


def _name(source: str) -> str:
    return "standard input" if source == "-" else visible(source)
