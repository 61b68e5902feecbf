"""Differences for people: lines of a patch, and fields before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from itertools import zip_longest
from typing import Any

MOST_LINES = 400
"""Longer patches are shown up to here; the whole text is one link away."""

_MOST_COMPARED = 1000
"""Longer texts of strangers are not compared line by line, which may take very long."""


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
        return FieldChange(name, None, None, patch_lines(_compared(before, after)))
    return FieldChange(name, before or None, after or None)


def _compared(before: str, after: str) -> str:
    old, new = before.split("\n"), after.split("\n")
    if max(len(old), len(new)) > _MOST_COMPARED:
        half = MOST_LINES // 2
        return "\n".join([*(f"-{n}" for n in old[:half]), *(f"+{n}" for n in new[:half])])
    lines = unified_diff(old, new, "before", "after", "", "", 2, "")
    return "\n".join(list(lines)[2 : MOST_LINES + 2])


@dataclass(frozen=True)
class SideRow:
    """A line of two versions beside each other; None where one has no such line."""

    left: str | None
    right: str | None

    @property
    def same(self) -> bool:
        """Both say the same."""
        return self.left == self.right


def side_by_side(left: Any, right: Any) -> list[SideRow]:
    """Return two versions of a value line by line; of long equal stretches only the ends."""
    old, new = plain(left).split("\n"), plain(right).split("\n")
    if max(len(old), len(new)) > _MOST_COMPARED:
        return [SideRow(*pair) for pair in zip_longest(old[:MOST_LINES], new[:MOST_LINES])]
    rows: list[SideRow] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes():
        pairs = [SideRow(*pair) for pair in zip_longest(old[a:b], new[c:d])]
        rows += _ends(pairs) if tag == "equal" else pairs
    return rows[:MOST_LINES]


def _ends(rows: list[SideRow]) -> list[SideRow]:
    return rows if len(rows) <= 7 else [*rows[:3], SideRow("…", "…"), *rows[-3:]]


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
