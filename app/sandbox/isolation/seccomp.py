"""A seccomp filter: system calls that a test of tensor code has no business with.

Refused with EPERM: sockets, namespaces and mounts, queues and memory that have a name of their own
and outlive a process, tracing and reading other processes, keyrings, BPF, performance counters,
io_uring, kernel modules, clocks, and feeding a terminal. It lists what is refused, so a call that
is newer than this list passes; the other layers stand behind it.

Unix sockets, with which loaders of data hand tensors to each other, are allowed where nothing of
the host can be reached by them: behind a file system and a network of their own.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import Final

from . import LayerUnavailable, syscalls

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_MODE_FILTER: Final = 1
_NEW_NAMESPACES: Final = 0x7E020000
_TERMINAL_INPUT: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_X32: Final = 0x40000000

_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name: (x86_64, aarch64); None where the architecture has no such call
_REFUSED: Final[dict[str, tuple[int | None, int]]] = {
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "fanotify_init": (300, 262),
    "iopl": (172, -1),
    "ioperm": (173, -1),
}
_SOCKETS: Final[dict[str, tuple[int | None, int]]] = {
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
}
"""Of no use without a socket; pairs of connected ones, which event loops need, are none of it."""
_SOCKET: Final = {"x86_64": 41, "aarch64": 198}
_UNIX: Final = 1
_CLONE: Final = {"x86_64": 56, "aarch64": 220}
_IOCTL: Final = {"x86_64": 16, "aarch64": 29}
_CLONE3: Final = 435


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def restrict(*, unix_sockets: bool = False) -> None:
    """Install the filter in this process and all that it starts. Needs ``no_new_privs``."""
    if syscalls.machine not in _ARCHITECTURES:
        raise LayerUnavailable(f"no seccomp filter for {syscalls.machine or 'this system'}")
    code = program(syscalls.machine, unix_sockets=unix_sockets)
    buffer = ctypes.create_string_buffer(code, len(code))
    wanted = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    try:
        syscalls.syscall("seccomp", _MODE_FILTER, 0, ctypes.byref(wanted))
    except OSError as error:
        raise LayerUnavailable(f"the kernel refuses seccomp filters: {error}") from None


def program(machine: str, *, unix_sockets: bool = False) -> bytes:
    """The filter as BPF instructions for `machine`."""
    refuse, column = _ERRNO | errno.EPERM, 0 if machine == "x86_64" else 1
    code = [
        _step(_LOAD, 0, 0, _ARCHITECTURE),
        _step(_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        _step(_RETURN, 0, 0, _KILL),
        _step(_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        # The same calls have other numbers in the x32 set.
        code += [_step(_AT_LEAST, 0, 1, _X32), _step(_RETURN, 0, 0, refuse)]
    for numbers in (_REFUSED if unix_sockets else _REFUSED | _SOCKETS).values():
        refused = numbers[column]
        if refused is not None and refused >= 0:
            code += [_step(_EQUAL, 0, 1, refused), _step(_RETURN, 0, 0, refuse)]
    code += [
        _step(_EQUAL, 0, 4 if unix_sockets else 1, _SOCKET[machine]),
        *(
            [
                _step(_LOAD, 0, 0, _FIRST),
                _step(_EQUAL, 0, 1, _UNIX),
                _step(_RETURN, 0, 0, _ALLOW),
            ]
            if unix_sockets
            else []
        ),
        _step(_RETURN, 0, 0, refuse),
    ]
    # ENOSYS makes the C library fall back to clone, whose flags can be looked at.
    code += [_step(_EQUAL, 0, 1, _CLONE3), _step(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    code += [
        _step(_EQUAL, 0, 4, _CLONE[machine]),
        _step(_LOAD, 0, 0, _FIRST),
        _step(_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        _step(_RETURN, 0, 0, refuse),
        _step(_RETURN, 0, 0, _ALLOW),
    ]
    code += [_step(_EQUAL, 0, 4, _IOCTL[machine]), _step(_LOAD, 0, 0, _SECOND)]
    code += [
        _step(_EQUAL, 1, 0, _TERMINAL_INPUT[0]),
        _step(_EQUAL, 0, 1, _TERMINAL_INPUT[1]),
        _step(_RETURN, 0, 0, refuse),
        _step(_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(code)


def _step(code: int, if_true: int, if_false: int, operand: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
