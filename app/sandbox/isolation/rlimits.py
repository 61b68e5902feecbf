"""Resource limits: what one process of an arm may use.

Covers CPU time, address space, the size of a file, open files, and the number of processes. Does
not cover: the memory of many processes together (each has its own limit), and disk space, which
the size of the scratch bounds.
"""

from __future__ import annotations

import math
import os
import resource

from ..order import Bounds


def apply(bounds: Bounds) -> None:
    """Lower the limits of this process and of all that it starts."""
    cpu = math.ceil(bounds.per_arm_s) + 5
    _lower(resource.RLIMIT_CPU, cpu)
    _lower(resource.RLIMIT_AS, bounds.memory_bytes)
    _lower(resource.RLIMIT_FSIZE, bounds.file_bytes)
    _lower(resource.RLIMIT_NOFILE, bounds.open_files)
    _lower(resource.RLIMIT_CORE, 0)


def limit_processes(allowed: int, *, shared: bool) -> None:
    """Bound how many processes and threads there may be.

    The kernel counts them per user. With `shared`, that user runs other things too, and what runs
    already is added to the allowance.
    """
    if shared:
        allowed += _tasks_of(os.getuid())
    _lower(resource.RLIMIT_NPROC, allowed)


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _tasks_of(uid: int) -> int:
    count = 0
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return 0
    for name in names:
        try:
            if os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue  # it has ended
    return count
