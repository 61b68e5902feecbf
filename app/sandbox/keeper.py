"""The keeper: a small trusted process between the service and the guest that runs tests.

It is forked (by the zygote) or started fresh, reads its order from a socket, forks the guest, waits
for it, and sees to it that nothing outlives the arm: it is the reaper of everything the guest
starts, and when the socket closes - the arm is over, or the service is gone - it kills all of it.
The guest never holds the socket, so the exit status told there is the truth.

Lines from the keeper: ``{"pid": n}`` at once, ``{"refused": layer, "reason": …}`` when the cage
does not close, ``{"greedy": bytes}`` when its processes together held more memory than that, and
``{"exit": status}`` (negative: a signal) when the guest and all its kin are gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any

from app.sandbox import guest, kin
from app.sandbox.isolation import cage, syscalls
from app.sandbox.order import Order

_MAX_ORDER = 8 << 20
_SWEEP_S = 5.0
_LOOK_MS = 500


def keep(control: socket.socket, report: int, output: int) -> None:
    """Run one order from `control`, start to end. `report` and `output` are pipes to write to."""
    _tell(control, {"pid": os.getpid()})
    line = _read_line(control)
    if line is None:
        return
    order = Order.from_line(line)
    if sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    try:
        cage.outer(order)
    except cage.LayerFailed as failure:
        _tell(control, {"refused": failure.layer, "reason": failure.reason})
        return
    # Both ends outlive the guest's start: a guest that finds the far end closed has lost us.
    lifeline, held = os.pipe()
    waker = _wake_on_child()
    child = os.fork()
    if child == 0:
        control.close()
        os.close(held)
        guest.main(order, report, output, lifeline)
    os.close(report)
    os.close(output)
    os.close(lifeline)
    if sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    status, greedy = _wait(control, child, waker, order.bounds.memory_bytes)
    _sweep()
    if greedy:
        _tell(control, {"greedy": order.bounds.memory_bytes})
    _tell(control, {"exit": status})


def _wait(control: socket.socket, child: int, waker: int, memory: int) -> tuple[int, bool]:
    """Wait until the guest ends; kill it when the other side of `control` says so or is gone.

    Returns its exit status and whether it was killed because it and its kin held too much memory.
    """
    greedy = False
    poller = select.poll()
    poller.register(control, select.POLLIN | select.POLLHUP)
    poller.register(waker, select.POLLIN)
    while True:
        events = poller.poll(_LOOK_MS)
        if not events and kin.memory_exceeds(os.getpid(), memory):
            greedy = True
            _kill(child)
        for descriptor, _ in events:
            if descriptor == waker:
                with suppress(BlockingIOError):
                    os.read(waker, 4096)
            else:
                # Whatever came - a byte or the end - means: stop.
                _kill(child)
                poller.unregister(control)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 0, greedy
            if pid == child:
                return os.waitstatus_to_exitcode(status), greedy
            if pid == 0:
                break


def _kill(child: int) -> None:
    for kill in (os.kill, os.killpg):
        with suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)


def _sweep() -> None:
    """Kill and reap whatever the guest left behind; it has become ours.

    With a process namespace the kernel has done so already. Otherwise a swarm that forks faster
    than it is killed is met by its own limit of processes.
    """
    end = time.monotonic() + _SWEEP_S
    while time.monotonic() < end:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            for descendant in kin.descendants(os.getpid()):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(descendant, signal.SIGKILL)
            time.sleep(0.002)


def _wake_on_child() -> int:
    """A descriptor that becomes readable when a child ends."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _read_line(control: socket.socket) -> bytes | None:
    received = bytearray()
    while not received.endswith(b"\n"):
        part = control.recv(1 << 16)
        if not part or len(received) > _MAX_ORDER:
            return None
        received += part
    return bytes(received)


def _tell(control: socket.socket, message: dict[str, Any]) -> None:
    # The service may be gone; then nobody needs to know.
    with suppress(OSError):
        control.sendall(json.dumps(message).encode() + b"\n")
