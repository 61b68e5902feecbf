"""The zygote: a process that has imported torch and pytest, and forks a supervisor for every arm.

``entry.py zygote_main SOCKET``. It only imports and never computes: one tensor operation on
several threads, or one backward pass, would leave thread pools behind that a forked child waits
for in vain. So before each fork it makes sure that it has one thread and the modules it began
with; otherwise it says so and is replaced. It knows no arm and no package under test.

Lines on the socket, each JSON: first ``{"skip": [module, …]}`` in, then ``{"ready": n}`` or
``{"threads_by": module}`` or ``{"error": …}`` out. Afterwards each ``F`` with three descriptors
(control, report, output) is answered by ``{"forked": pid}`` or ``{"unfit": reason}``.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import huge_pages, supervisor, warm_up
from . import jobs as _jobs  # noqa: F401 - out of reach later
from .isolation import identity

MAX_RESIDENT_BYTES = 2 << 30


def main(arguments: Sequence[str]) -> None:
    """Serve the worker at the other end of a socket."""
    work(socket.socket(fileno=int(arguments[0])))


def work(worker: socket.socket) -> None:
    """Prepare, then serve until the worker closes its end."""
    identity.die_with_parent()
    config = json.loads(worker.makefile("rb").readline())
    try:
        culprit = warm_up.preload(frozenset(config["skip"]), config["preload"], config["learned"])
    except Exception as error:  # whatever it is, the worker shall be told
        _tell(worker, {"error": f"{type(error).__name__}: {error}"})
        return
    if culprit is not None:
        _tell(worker, {"threads_by": culprit})
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the supervisors
    gc.collect()
    gc.freeze()
    # A collection would write to the pages that all children share. Not before: imported without
    # one, every arm took a tenth more processor time to open and to fork.
    gc.disable()
    huge_pages.collapse()
    known = frozenset(sys.modules)
    _tell(worker, {"ready": len(known)})
    serve(worker, known)


def serve(worker: socket.socket, known: frozenset[str]) -> None:
    """Fork on demand."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(worker, 1, 3)
        if not request:
            return
        reason = unfit(known)
        if reason is not None or len(descriptors) != 3:
            _tell(worker, {"unfit": reason or "the request came without its descriptors"})
        else:
            pid = os.fork()
            if pid == 0:
                worker.close()
                _keep(*descriptors)
            _tell(worker, {"forked": pid})
        for descriptor in descriptors:
            os.close(descriptor)


def unfit(known: frozenset[str]) -> str | None:
    """Why this process must not be forked any more, or None."""
    threads = warm_up.thread_count()
    if threads != 1:
        return f"it has {threads} threads"
    leaked = sys.modules.keys() - known
    if leaked:
        return f"it has imported {', '.join(sorted(leaked)[:3])}"
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    if pages * os.sysconf("SC_PAGE_SIZE") > MAX_RESIDENT_BYTES:
        return f"it holds more than {MAX_RESIDENT_BYTES} bytes"
    return None


def _keep(control: int, report: int, output: int) -> None:
    try:
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        gc.enable()
        supervisor.keep(socket.socket(fileno=control), report, output)
    except BaseException:  # nothing may unwind into the zygote's loop
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)


def _tell(worker: socket.socket, message: dict[str, Any]) -> None:
    worker.sendall(json.dumps(message).encode() + b"\n")
