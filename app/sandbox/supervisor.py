"""The supervisor: a small trusted process between the service and the guest that runs tests.

It is forked (by the fork server) or started fresh, reads its order from a socket and forks the
guest, which collects. Then it hands job after job to the guest, whose forks run them, and between
two jobs kills what is left, sees whether the guest was meddled with and restores the scratch. It is
the reaper of everything the guest starts, and when the socket closes - the arm is over, or the
service is gone - it kills all of it. The guest never holds the socket, so what is told there of
its end is the truth.

Lines from the supervisor: ``{"pid": n}`` at once, ``{"refused": layer, "reason": …}`` when the cage
does not close, ``{"ready": reason or null}`` after collection (a reason: it must not be forked
from), ``{"done": status}`` after a job, ``{"spoiled": reason}`` when the arm must end for what a
test did to it, ``{"greedy": bytes}`` when its processes together held more memory than that, and
``{"exit": status}`` (negative: a signal) when the guest and all its descendants are gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import guest, handover, meddling, process_tree
from .isolation import cage, mounts, syscalls
from .order import Order
from .scratch import Snapshot, TooLarge

_SWEEP_S = 5.0
_LOOK_MS = 500
_SEND_S = 10.0


def keep(control: socket.socket, report: int, output: int) -> None:
    """Keep one arm, start to end. `report` and `output` are pipes to write to."""
    _tell(control, {"pid": os.getpid()})
    receiver = handover.Receiver(control)
    try:
        line, _ = receiver.receive()
    except ConnectionError:
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
    jobs, guest_end = socket.socketpair()
    jobs.settimeout(_SEND_S)
    waker = _wake_on_child()
    child = os.fork()
    if child == 0:
        control.close()
        jobs.close()
        os.close(held)
        guest.main(order, guest.Ends(report, output, lifeline, guest_end.detach()))
    guest_end.close()
    for descriptor in (report, output, lifeline):
        os.close(descriptor)
    if sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    supervisor = _Supervisor(order, control, receiver, jobs, child)
    status = supervisor.serve(waker)
    _sweep(os.getpid(), None)
    if supervisor.greedy:
        _tell(control, {"greedy": order.bounds.memory_bytes})
    _tell(control, {"exit": status})


class _Supervisor:
    """What the supervisor does while its guest lives."""

    def __init__(
        self,
        order: Order,
        control: socket.socket,
        receiver: handover.Receiver,
        jobs: socket.socket,
        child: int,
    ) -> None:
        self._order = order
        self._control = control
        self._receiver = receiver
        self._jobs = jobs
        self._from_guest = handover.Receiver(jobs)
        self._child = child
        self._snapshots: list[Snapshot] = []
        self._state: Mapping[str, str] = {}
        self._busy = True
        """Whether code of the arm may be running: it collects, or a job is under way."""
        self.greedy = False

    def serve(self, waker: int) -> int:
        """Serve until the guest ends, and return its exit status.

        It is killed when the other side of the control socket says so or is gone.
        """
        poller = select.poll()
        for descriptor in (self._control.fileno(), self._jobs.fileno(), waker):
            poller.register(descriptor, select.POLLIN | select.POLLHUP)
        while True:
            events = poller.poll(_LOOK_MS if self._busy else None)
            if not events and process_tree.memory_exceeds(
                os.getpid(), self._order.bounds.memory_bytes
            ):
                self.greedy = True
                self._kill()
            for descriptor, _ in events:
                try:
                    if descriptor == waker:
                        with suppress(BlockingIOError):
                            os.read(waker, 4096)
                    elif descriptor == self._control.fileno():
                        self._forward()
                    else:
                        self._hear()
                except ConnectionError:
                    if descriptor == self._control.fileno():
                        self._kill()
                    # Otherwise the guest is about to end: its status will tell.
                    poller.unregister(descriptor)
            status = self._reaped()
            if status is not None:
                return status

    def _reaped(self) -> int | None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 0
            if pid == self._child:
                return os.waitstatus_to_exitcode(status)
            if pid == 0:
                return None

    def _forward(self) -> None:
        """Hand jobs to the guest."""
        for line, descriptor in self._receiver.pull():
            if descriptor is None:
                continue
            self._busy = True
            try:
                handover.send(self._jobs, line, descriptor)
            except OSError:
                self._kill()  # it does not listen
            finally:
                os.close(descriptor)

    def _hear(self) -> None:
        """Take in what the guest says of itself: that it has collected, that a fork has ended."""
        for line, descriptor in self._from_guest.pull():
            if descriptor is not None:
                os.close(descriptor)
            if line == b"collected\n" and not self._state:
                self._busy = False
                _tell(self._control, {"ready": self._remember()})
            elif line.startswith(b"done ") and self._busy:
                self._clear_up(int(line[5:16]))

    def _remember(self) -> str | None:
        """Keep the state after collection; a reason when no fork could be put back to it."""
        try:
            for folder in self._scratch_folders():
                self._snapshots.append(Snapshot(folder))
        except (TooLarge, OSError, RecursionError) as error:
            return f"what it left in its scratch while it was collected cannot be kept: {error}"
        finally:
            self._state = meddling.state_of(self._child)
        return None

    def _scratch_folders(self) -> list[Path]:
        if "mounts" in self._order.layers:
            root = Path(f"/proc/{self._child}/root")
            return [root / folder.relative_to("/") for folder in mounts.WRITABLE]
        return [Path(self._order.scratch)]

    def _clear_up(self, status: int) -> None:
        """After a fork has ended: leave nothing of it for the next one."""
        reason = None
        if not _sweep(os.getpid(), self._child):
            reason = "it starts processes faster than they can be ended"
        else:
            try:
                changed = meddling.difference(self._state, meddling.state_of(self._child))
                if changed is not None:
                    reason = f"a test changed the process that tests are forked from: {changed}"
                for snapshot in self._snapshots:
                    snapshot.restore()
            except (OSError, RecursionError) as error:
                reason = f"its scratch could not be restored: {error}"
        if reason is not None:
            _tell(self._control, {"spoiled": reason})
            self._kill()
        self._busy = False
        _tell(self._control, {"done": status})

    def _kill(self) -> None:
        for kill in (os.kill, os.killpg):
            with suppress(ProcessLookupError, PermissionError):
                kill(self._child, signal.SIGKILL)


def _sweep(supervisor: int, spared: int | None) -> bool:
    """Kill and reap all below the supervisor but the process `spared`; False if that does not end.

    What the guest left behind hangs below the guest where that is the first process of its
    namespace, and below the supervisor elsewhere. A swarm that forks faster than it is killed is
    met by its own limit of processes.
    """
    end = time.monotonic() + _SWEEP_S
    while time.monotonic() < end:
        left = [pid for pid in process_tree.living(supervisor) if pid != spared]
        if not left:
            if spared is None:
                with suppress(ChildProcessError):
                    if os.waitpid(-1, os.WNOHANG) == (0, 0):
                        time.sleep(0.002)
                    continue
            return True
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)
    return False


def _wake_on_child() -> int:
    """A descriptor that becomes readable when a child ends."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _tell(control: socket.socket, message: dict[str, Any]) -> None:
    # The service may be gone; then nobody needs to know.
    with suppress(OSError):
        control.sendall(json.dumps(message).encode() + b"\n")
