"""A file system of its own: read-only, with only what tests need, and a small private ``/tmp``.

Built on an empty tmpfs from the paths in ``view``, so what is not listed is not there: home
folders, the data directory, sockets, other arms. The interpreter's tree is bound in even when
folders above it are closed to other users. The scratch is a tmpfs and vanishes with the arm.
Needs a process id namespace for its own ``/proc``. Does not stop what is done through descriptors
that are open already; there are none but standard ones and the report channel.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import LayerUnavailable, syscalls
from .view import DEVICES

ARM = Path("/arm")
"""Where the guest sees its arm."""
SCRATCH = Path("/tmp")  # noqa: S108 - a fresh tmpfs, the guest's own
"""Where the guest may write."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a fresh tmpfs as well
WRITABLE = (SCRATCH, SHARED_MEMORY)

_BASE = "/tmp"  # noqa: S108 - any folder that is always there

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID = 1, 2


def enter(
    arm: Path,
    visible: Sequence[Path],
    hidden: Sequence[Path],
    scratch_bytes: int,
    owner: int,
) -> None:
    """Replace the root of this process. `owner` is who will own the scratch.

    After a failure half-way the process is of no use any more.
    """
    try:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount("none", "/", None, MS_REC | MS_PRIVATE)
        shown = [_Shown.of(path) for path in visible]
        _enter_base()
        for item in shown:
            item.show(where=lambda target: not _in_scratch(target))
        _bind(f"/old{arm}", f"/new{ARM}")
        _fill_in(owner)
        _set_attributes("/new", _ATTR_RDONLY | _ATTR_NOSUID)
        for folder in WRITABLE:
            _scratch(f"/new{folder}", scratch_bytes, owner)
        # An interpreter below /tmp would be buried by the scratch: it is shown on top of it.
        for item in shown:
            for target in item.show(where=_in_scratch):
                _set_attributes(f"/new{target}", _ATTR_RDONLY | _ATTR_NOSUID)
        for path in hidden:
            if os.path.isdir(f"/new{path}"):
                syscalls.mount("none", f"/new{path}", "tmpfs", MS_RDONLY | MS_NOSUID, "size=4k")
        _leave_base()
    except OSError as error:
        raise LayerUnavailable(f"no file system of its own: {error}") from None


@dataclass(frozen=True)
class _Shown:
    """A path to be shown, looked up while the old root is still the root."""

    path: Path
    link: str | None
    real: str

    @classmethod
    def of(cls, path: Path) -> _Shown:
        link = os.readlink(path) if path.is_symlink() else None
        return cls(path, link, os.path.realpath(path))

    def show(self, where: Callable[[str], bool]) -> list[str]:
        """Show the path at those of its names that `where` accepts; return the mounts made."""
        if self.link is not None:
            if where(str(self.path)):
                # /bin and /lib are links into /usr on most machines.
                os.makedirs(f"/new{self.path.parent}", exist_ok=True)
                os.symlink(self.link, f"/new{self.path}")
            return []
        made = []
        # A prefix may be reached through a link further up: it is shown under both names.
        for target in sorted({str(self.path), self.real}):
            if where(target) and not os.path.lexists(f"/new{target}"):
                _bind(f"/old{self.real}", f"/new{target}")
                made.append(target)
        return made


def _in_scratch(target: str) -> bool:
    return Path(target).is_relative_to(SCRATCH)


def _enter_base() -> None:
    """Make an empty tmpfs the root, with the old root below it at /old, as bubblewrap does.

    So a source below /tmp stays reachable although the tmpfs was mounted there.
    """
    syscalls.mount("arm", _BASE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m")
    os.mkdir(f"{_BASE}/old")
    os.mkdir(f"{_BASE}/new")
    os.chdir(_BASE)
    syscalls.pivot_root(_BASE, f"{_BASE}/old")
    os.chdir("/")
    syscalls.mount("/new", "/new", None, MS_BIND | MS_REC)


def _leave_base() -> None:
    syscalls.umount_detached("/old")
    os.chdir("/new")
    syscalls.pivot_root(".", ".")
    syscalls.umount_detached(".")
    os.chdir("/")


def _fill_in(owner: int) -> None:
    """What is made rather than shown: /proc, /dev, the mount points of the scratch, a user."""
    os.makedirs("/new/proc", exist_ok=True)
    syscalls.mount("proc", "/new/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    os.mkdir("/new/dev")
    for device in DEVICES:
        _bind(f"/old{device}", f"/new{device}")
    os.symlink("/proc/self/fd", "/new/dev/fd")
    os.mkdir("/new/dev/shm")
    os.makedirs(f"/new{SCRATCH}", exist_ok=True)
    os.makedirs("/new/etc", exist_ok=True)
    Path("/new/etc/passwd").write_text(f"arm:x:{owner}:{owner}:arm:{SCRATCH}:/bin/sh\n")
    Path("/new/etc/group").write_text(f"arm:x:{owner}:\n")


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
    syscalls.mount(source, target, None, MS_BIND | MS_REC)


def _scratch(target: str, size: int, owner: int) -> None:
    options = f"mode=0755,size={size},nr_inodes=16384,uid={owner},gid={os.getegid() or owner}"
    syscalls.mount("scratch", target, "tmpfs", MS_NOSUID | MS_NODEV, options)


def _set_attributes(path: str, attributes: int) -> None:
    """Make a whole tree of mounts read-only. Needs Linux 5.12."""
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    syscalls.syscall(
        "mount_setattr", _AT_FDCWD, path.encode(), _AT_RECURSIVE, wanted, ctypes.sizeof(wanted)
    )
