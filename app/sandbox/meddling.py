"""What a test could do to the collected process that its successors are forked from.

The guest runs the tests' code under one user, so a fork can reach its parent: limits, signals,
priority, processors, positions in files that were open before the fork. The supervisor compares
what the kernel says of the parent after each fork with what it said after collection.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

_STATUS = (
    "SigBlk",
    "SigIgn",
    "SigCgt",
    "ShdPnd",
    "SigPnd",
    "Cpus_allowed",
    "NoNewPrivs",
    "Threads",
)


def state_of(pid: int) -> Mapping[str, str]:
    """What the kernel says of a process that waits. Raises OSError when it is gone."""
    found: dict[str, str] = {}
    status = _read(f"/proc/{pid}/status")
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name in _STATUS:
            found[name] = value.strip()
        elif name == "State" and value.split()[0] in ("T", "t"):
            found["State"] = "stopped"
    found["limits"] = _read(f"/proc/{pid}/limits")
    # The name in parentheses may itself hold spaces and parentheses.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    found["priority"] = " ".join((fields[15], fields[16], fields[37], fields[38]))
    found["out of memory score"] = _read(f"/proc/{pid}/oom_score_adj")
    for name in sorted(os.listdir(f"/proc/{pid}/fdinfo"), key=int):
        for line in _read(f"/proc/{pid}/fdinfo/{name}").splitlines():
            if line.startswith(("pos:", "flags:")):
                kind, _, value = line.partition(":")
                found[f"{kind} of descriptor {name}"] = value.strip()
    return found


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> str | None:
    """Return which facts differ, in words; None when none does."""
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    return ", ".join(sorted(changed)[:3]) or None


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
