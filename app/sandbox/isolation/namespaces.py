"""Namespaces: own processes, own (empty) network, own System V and POSIX queues, own host name.

They stop every network address, sight of and signals to processes outside, and shared memory
segments of others. They do not stop a unix socket that can be seen in the file system: the mount
namespace hides it and seccomp refuses the socket.

Two steps, because a process id namespace begins with the next fork: `enter_outer` in the
supervisor, `enter_inner` in the guest.
"""

from __future__ import annotations

import os

from . import LayerUnavailable, syscalls


def enter_outer() -> None:
    """Prepare the supervisor, so that its next child begins a process id namespace.

    An ordinary user gets a user namespace first, which gives the right to make the others.
    """
    uid, gid = os.geteuid(), os.getegid()
    try:
        if uid == 0:
            syscalls.unshare(syscalls.CLONE_NEWPID)
            return
        # Whoever dropped privileges before is not dumpable, and may not write its own maps.
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
        syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWPID)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    except OSError as error:
        raise LayerUnavailable(f"no process namespace: {error}") from None


def enter_inner() -> None:
    """Leave the host's network, queues and name."""
    try:
        syscalls.unshare(
            syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS,
        )
    except OSError as error:
        raise LayerUnavailable(f"no network namespace: {error}") from None


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
