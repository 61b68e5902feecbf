"""Writing patches that were read: in the other direction, or in part."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from app.domain.diff_parts import FilePatch, Hunk
from app.domain.diffs import parse


def turned_round(text: str) -> str:
    """Return the unified diff that takes `text` back.

    Raises:
        PatchError: `text` is no patch that is accepted.
    """
    return written(file.reversed() for file in parse(text).files)


def written(files: Iterable[FilePatch]) -> str:
    """Return files of a patch as a unified diff."""
    return "".join(map(_file, files))


def _file(file: FilePatch) -> str:
    old = "/dev/null" if file.added else f"a/{file.path}"
    new = "/dev/null" if file.deleted else f"b/{file.path}"
    return f"--- {old}\n+++ {new}\n" + "".join(map(_hunk, file.hunks))


def _hunk(hunk: Hunk) -> str:
    old = _range(hunk.old_index, len(hunk.side("-")))
    new = _range(hunk.new_index, len(hunk.side("+")))
    lines = [f"@@ -{old} +{new} @@\n"]
    for context, group in groupby(hunk.lines, lambda line: line.sign == " "):
        found = list(group)
        if not context:  # what goes stands before what comes, as every tool writes it
            found.sort(key=lambda line: line.sign, reverse=True)
        lines += [f"{line.sign}{line.text}" for line in found]
    return "".join(lines)


def _range(index: int, count: int) -> str:
    """Return where a side of a hunk starts, counted from 1, and how long it is."""
    return f"{index + 1 if count else index},{count}"
