"""What a collected process would share with its forks, so that a test could leave it to the next.

Memory that is mapped as shared, and files, pipes and sockets that stay open: what one fork writes
there is seen by all. Files that are only read are none of it; where they stand is put back.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress

Known = frozenset[tuple[int, int]]
"""Device and number of what is open."""


def open_now() -> Known:
    """Return what is open in this process."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            seen = os.fstat(int(name))
            found.add((seen.st_dev, seen.st_ino))
    return frozenset(found)


def told(known: Known) -> str | None:
    """Return what forks of this process would share besides what is `known`; None for nothing."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            number = int(name)
            seen = os.fstat(number)
            if (seen.st_dev, seen.st_ino) not in known and _carries(number, seen.st_mode):
                return f"{os.readlink(f'/proc/self/fd/{name}')} is open in it"[:200]
    with open("/proc/self/maps", "rb") as maps:
        for line in maps:
            rights = line.split(maxsplit=2)[1]
            if rights.endswith(b"s") and b"w" in rights:
                return "it holds shared memory"
    return None


def _carries(descriptor: int, mode: int) -> bool:
    """Whether something can be left in it."""
    if stat.S_ISDIR(mode) or stat.S_ISCHR(mode):
        return False
    reads_only = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    return not (stat.S_ISREG(mode) and reads_only)
