"""Landlock: the kernel's own list of what may be read and written, a second wall behind mounts.

Stops reading and writing anywhere else, TCP, and (on newer kernels) abstract unix sockets of and
signals to processes outside. Does not stop connecting to a unix socket in the file system, and
could not hide that a path exists.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from . import LayerUnavailable, syscalls

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_RULE_PATH_BENEATH = 1
_ASK_VERSION = 1


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("fs", ctypes.c_uint64),
        ("net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def restrict(read: Iterable[Path], write: Iterable[Path], devices: Iterable[Path]) -> None:
    """From now on allow reading and running `read`, everything in `write`, use of `devices`.

    Paths that do not exist are left out. Needs ``no_new_privs``.
    """
    try:
        version = syscalls.syscall("landlock_create_ruleset", None, 0, _ASK_VERSION)
        rights = _rights(version)
        rules = _Ruleset(rights, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
        size = 24 if version >= 6 else 16 if version >= 4 else 8
        ruleset = syscalls.syscall("landlock_create_ruleset", ctypes.byref(rules), size, 0)
        try:
            for paths, allowed in ((read, _READ), (write, rights), (devices, _ON_FILES)):
                for path in paths:
                    _allow(ruleset, path, allowed & rights & ~_IOCTL_DEV)
            syscalls.syscall("landlock_restrict_self", ruleset, 0)
        finally:
            os.close(ruleset)
    except OSError as error:
        raise LayerUnavailable(f"the kernel has no Landlock here: {error}") from None


def _rights(version: int) -> int:
    rights = (1 << 13) - 1
    if version >= 2:
        rights |= _REFER
    if version >= 3:
        rights |= _TRUNCATE
    if version >= 5:
        rights |= _IOCTL_DEV
    return rights


def _allow(ruleset: int, path: Path, allowed: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            allowed &= _ON_FILES
        rule = _PathRule(allowed, parent)
        syscalls.syscall("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)
