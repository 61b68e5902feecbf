"""Which parts of the machine a test may see: where Python lives, and little else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_CONFIGURATION = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/nix/store",
)
_HARDWARE = ("/sys/devices/system/cpu",)
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def readable_paths() -> tuple[Path, ...]:
    """Existing paths that Python, torch and a compiler need, outermost first, none inside another.

    The project's own folder is not among them, even when it is on ``sys.path``: only the prefixes
    of this interpreter are.
    """
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    wanted = [*_SYSTEM, *_CONFIGURATION, *_HARDWARE, *prefixes]
    return outermost(Path(path) for path in wanted if path != "/" and os.path.exists(path))


def interpreter_paths() -> tuple[Path, ...]:
    """The prefixes of this interpreter."""
    return outermost(Path(path) for path in {sys.prefix, sys.base_prefix})


def outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The paths without those that lie inside another of them."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return tuple(kept)
