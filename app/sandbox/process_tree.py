"""The processes below one process, as ``/proc`` shows them, and the memory they hold together.

Limits of the kernel count per process; an arm with many processes is bounded here. Looked at every
half second, so a burst may pass the bound before it is seen; each process has its own limit too.
"""

from __future__ import annotations

import os
from contextlib import suppress


def descendants(ancestor: int) -> set[int]:
    """All processes below `ancestor`; none where there is no ``/proc``."""
    parents: dict[int, int] = {}
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                    # The name in parentheses may itself hold spaces and parentheses.
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found: set[int] = set()
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent == ancestor or parent in found}
        grown = not more <= found
        found |= more
    return found


def living(ancestor: int) -> list[int]:
    """All processes below `ancestor` that have not ended: quick while there are next to none."""
    found: list[int] = []
    try:
        _add_children(ancestor, found)
    except FileNotFoundError:
        # The kernel was built without the list of children, or a process went meanwhile.
        found = list(descendants(ancestor))
    return [pid for pid in found if _is_alive(pid)]


def _add_children(parent: int, found: list[int]) -> None:
    for task in os.listdir(f"/proc/{parent}/task"):
        with open(f"/proc/{parent}/task/{task}/children", "rb") as file:
            children = [int(number) for number in file.read().split()]
        found += children
        for child in children:
            _add_children(child, found)


def _is_alive(pid: int) -> bool:
    with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    return False


def memory_exceeds(ancestor: int, limit: int) -> bool:
    """Whether all processes below `ancestor` together hold more than `limit` bytes."""
    pids = descendants(ancestor)
    # What forks share is counted in each of them here; only when that is too much, look closely.
    if sum(_resident(pid) for pid in pids) <= limit:
        return False
    return sum(_proportional(pid) for pid in pids) > limit


def _resident(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _proportional(pid: int) -> int:
    """Memory of a process with each shared page divided among those that share it."""
    with suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:
        for line in file:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) << 10
    return 0
