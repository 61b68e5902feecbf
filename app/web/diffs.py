"""Differences for people: lines of a patch, and fields before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

MOST_LINES = 400
"""Longer patches are shown up to here; the whole text is one link away."""


@dataclass(frozen=True)
class PatchLines:
    """A patch to be shown."""

    lines: Sequence[tuple[str, str]]
    """(class, text)."""
    left_out: int


def patch_lines(text: str) -> PatchLines:
    """Return the lines of a unified diff, each with what it is."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    shown = [(_kind(line), line) for line in lines[:MOST_LINES]]
    return PatchLines(shown, max(0, len(lines) - MOST_LINES))


def _kind(line: str) -> str:
    if line.startswith(("+++", "---", "diff ")):
        return "file"
    if line.startswith("@@"):
        return "hunk"
    return {"+": "add", "-": "del"}.get(line[:1], "same")


@dataclass(frozen=True)
class FieldChange:
    """One field before and after."""

    field: str
    old: str | None
    new: str | None
    lines: PatchLines | None = None
    """Where both are long: what differs, line by line."""


def field_changes(changes: Mapping[str, Any]) -> list[FieldChange]:
    """Return the changes of an audit event, field by field."""
    return list(_changes(changes))


def _changes(changes: Mapping[str, Any]) -> Iterator[FieldChange]:
    for name, pair in changes.items():
        old, new = pair if isinstance(pair, list) and len(pair) == 2 else (None, pair)
        yield change(name, old, new)


def change(name: str, old: Any, new: Any) -> FieldChange:
    """Return a field before and after, as short as it can be shown."""
    before, after = plain(old), plain(new)
    if before and after and ("\n" in before + after or len(before) + len(after) > 240):
        lines = unified_diff(
            before.split("\n"), after.split("\n"), "before", "after", "", "", 2, ""
        )
        text = "\n".join(list(lines)[2 : MOST_LINES + 2])
        return FieldChange(name, None, None, patch_lines(text))
    return FieldChange(name, before or None, after or None)


def plain(value: Any) -> str:
    """Return a value of a document as text that can be compared line by line."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, list):
        return "\n".join(_part(item) for item in value)
    if isinstance(value, dict):
        return _part(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _part(item: Any) -> str:
    if not isinstance(item, dict):
        return plain(item)
    if "heading" in item:
        return f"## {item['heading']}\n{item.get('body', '')}"
    if "text" in item:
        return f"[{'x' if item.get('done') else ' '}] {item['text']}"
    if "key" in item and "kind" in item:
        return " ".join(str(item[n]) for n in ("kind", "key", "note") if item.get(n))
    words = [
        f"{name}: {value}" for name, value in item.items() if value is not None and name != "id"
    ]
    return ", ".join(words)
