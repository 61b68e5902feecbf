"""The few Linux calls that the standard library does not offer, through ctypes.

Every wrapper raises OSError with the kernel's errno; where there is no Linux, ENOSYS.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from typing import Any, Final

_NUMBERS: Final = {
    "x86_64": {"pivot_root": 155, "capset": 126, "seccomp": 317},
    "aarch64": {"pivot_root": 41, "capset": 91, "seccomp": 277},
}
# These three families have one number on every architecture.
_COMMON: Final = {
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_CAPBSET_DROP: Final = 24
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38

_libc: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_uname = os.uname() if hasattr(os, "uname") else None
machine: Final = _uname.machine if _uname else ""


def number(name: str) -> int:
    """The number of a system call here; OSError ENOSYS when it is not known."""
    found = _COMMON.get(name, _NUMBERS.get(machine, {}).get(name))
    if found is None:
        raise OSError(errno.ENOSYS, f"{name} is not known on {machine or sys.platform}")
    return found


def syscall(name: str, *arguments: Any) -> int:
    """Make a raw system call."""
    if _libc is None:
        raise OSError(errno.ENOSYS, "this needs Linux")
    longs = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = int(_libc.syscall(ctypes.c_long(number(name)), *longs))
    if result < 0:
        _fail(name)
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags`."""
    _call("unshare", ctypes.c_int(flags))


def prctl(option: int, *arguments: int) -> int:
    """Set or ask a property of this process."""
    padded = [*arguments, 0, 0, 0, 0][:4]
    return _call("prctl", ctypes.c_int(option), *(ctypes.c_ulong(a) for a in padded))


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Mount, bind or change a mount."""
    _call(
        "mount",
        source.encode(),
        target.encode(),
        kind.encode() if kind is not None else None,
        ctypes.c_ulong(flags),
        data.encode() if data is not None else None,
    )


def umount_detached(target: str) -> None:
    """Take a mount away, now for lookups and later for who still uses it."""
    _call("umount2", target.encode(), ctypes.c_int(2))


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root and put the old one at `old`."""
    syscall("pivot_root", new.encode(), old.encode())


def _call(name: str, *arguments: Any) -> int:
    if _libc is None:
        raise OSError(errno.ENOSYS, "this needs Linux")
    result = int(getattr(_libc, name)(*arguments))
    if result < 0:
        _fail(name)
    return result


def _fail(name: str) -> None:
    code = ctypes.get_errno()
    raise OSError(code, f"{name}: {os.strerror(code)}")
