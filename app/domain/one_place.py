"""The one place in which two texts differ, as a unified diff. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def one_place(path: str, before: bytes, after: bytes, context: int = 3) -> str:
    """Return the one place in which two texts differ as a unified diff, ``""`` for equal ones."""
    old, new = _lines(before), _lines(after)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    if head == len(old) == len(new):
        return ""
    first = max(0, head - context)
    old_end, new_end = len(old) - tail, len(new) - tail
    behind = min(context, tail)
    hunk = [(" ", line) for line in old[first:head]]
    hunk += [("-", line) for line in old[head:old_end]]
    hunk += [("+", line) for line in new[head:new_end]]
    hunk += [(" ", line) for line in old[old_end : old_end + behind]]
    lengths = old_end + behind - first, new_end + behind - first
    places = [f"{first + bool(length)},{length}" for length in lengths]
    told = [f"--- a/{path}\n", f"+++ b/{path}\n", f"@@ -{places[0]} +{places[1]} @@\n"]
    for sign, line in hunk:
        ended = line.endswith(b"\n")
        told.append(sign + line.decode() + ("" if ended else "\n\\ No newline at end of file\n"))
    return "".join(told)


def _lines(data: bytes) -> list[bytes]:
    """Return the lines as diffs count them: only a newline ends one."""
    parts = [part + b"\n" for part in data.split(b"\n")]
    parts[-1] = parts[-1][:-1]
    return parts if parts[-1] else parts[:-1]


def _common(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
