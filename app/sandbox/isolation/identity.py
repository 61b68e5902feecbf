"""Who a test runs as: nobody in particular, without privileges, and gone with its supervisor.

When the service is root, each arm gets a user id of its own that owns nothing. Otherwise the test
runs as the service's user; capabilities that came with a user namespace are given up.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from . import LayerUnavailable, syscalls

_CAPABILITIES = 64


def become(uid: int, needed: Iterable[Path]) -> None:
    """Drop to `uid`, for good. `needed` are the paths that must stay readable."""
    for path in needed:
        closed = closed_ancestor(path)
        if closed is not None:
            raise LayerUnavailable(
                f"another user could not read {path}, for {closed} is closed to it"
            )
    try:
        os.setgroups([])
        if sys.platform == "linux":
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        else:
            os.setgid(uid)
            os.setuid(uid)
    except OSError as error:
        raise LayerUnavailable(f"cannot change the user: {error}") from None


def closed_ancestor(path: Path) -> Path | None:
    """The first folder on the way to `path` that others may not enter, if any."""
    resolved = path.resolve()
    for folder in (*reversed(resolved.parents), resolved):
        try:
            mode = folder.stat().st_mode
        except OSError:
            return folder
        wanted = 0o005 if folder == resolved else 0o001
        if mode & wanted != wanted:
            return folder
    return None


def give_up_privileges() -> None:
    """No capabilities, no setuid programs, readable own ``/proc`` entries."""
    if sys.platform != "linux":
        raise LayerUnavailable("needs Linux")
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(_CAPABILITIES):
        try:
            syscalls.prctl(syscalls.PR_CAPBSET_DROP, capability)
        except OSError:
            break  # past the last one, or not ours to drop: no_new_privs holds either way
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    syscalls.syscall("capset", header, (ctypes.c_uint32 * 6)())
    # A change of user makes /proc/self the property of root; ptrace is refused elsewhere.
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that forked it ends."""
    if sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
