"""How much memory is left: of the machine, and of the control groups that this process is in."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")


def available_bytes(proc: Path = _PROC, groups: Path = _GROUPS) -> int:
    """Return what is left by the kernel's estimate; very much where it gives none."""
    return min([_of_machine(proc), *_of_groups(proc, groups)])


def _of_machine(proc: Path) -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in (proc / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return sys.maxsize


def _of_groups(proc: Path, groups: Path) -> list[int]:
    """What is left of each limit, for a container's or a service's is met first."""
    found = []
    with suppress(OSError, ValueError):
        (own,) = (
            line.removeprefix("0::").strip("/")
            for line in (proc / "self" / "cgroup").read_text().splitlines()
            if line.startswith("0::")
        )
        for folder in (groups / own, *(groups / own).parents):
            if folder.is_relative_to(groups):
                with suppress(OSError, ValueError):  # without a limit it says "max"
                    found.append(_left_in(folder))
    return found


def _left_in(folder: Path) -> int:
    most = int((folder / "memory.max").read_text())
    used = int((folder / "memory.current").read_text())
    # Files that were read and can be let go count as used.
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return most - used + int(stat.get("inactive_file", 0))
