"""How long a verification takes, as ratios measured in one run.

``python benchmarks/verification.py [--rounds N] [--file tests/verification/test_b2_drl_10.py]``

Rows: a cold ``python -m pytest`` of the file (what a person would run by hand); the engine without
and with its cage; and the floor, a fork of the zygote that does nothing. Medians, interleaved, so
that what else the machine does falls on all rows alike. Absolute times drift, ratios hold.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from app.domain.targets import Target  # noqa: E402  # see above
from app.sandbox.arms import ArmStore  # noqa: E402 - the project need not be installed
from app.sandbox.execution import ChildEnds  # noqa: E402
from app.sandbox.interface import ArmRequest, ArmStatus, PreparedArm, SandboxMode  # noqa: E402
from app.sandbox.subprocess_arm import SubprocessSandbox  # noqa: E402
from app.sandbox.zygote import ZygoteSandbox  # noqa: E402

Row = Callable[[], Awaitable[None]]


async def cold(file: str) -> None:
    """A new interpreter, as by hand."""
    command = [sys.executable, "-m", "pytest", file, "-q", "-p", "no:cacheprovider"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if await process.wait() != 0:
        raise SystemExit(f"{' '.join(command)} fails; mend that first")


async def arm(sandbox: SubprocessSandbox | ZygoteSandbox, prepared: PreparedArm, file: str) -> None:
    """One arm through a sandbox."""
    report = await sandbox.run(ArmRequest(prepared, (file,)))
    if report.status is not ArmStatus.COMPLETED:
        raise SystemExit(f"the arm did not complete: {report.reason}")


async def fork_floor(sandbox: ZygoteSandbox) -> None:
    """The zygote forks a supervisor that finds its socket closed and ends."""
    zygote = await sandbox._first.ready()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    ends = ChildEnds(theirs, *(os.open(os.devnull, os.O_WRONLY) for _ in range(2)))
    try:
        await zygote.fork(ends)
    finally:
        ends.close()
    loop = asyncio.get_running_loop()
    ours.shutdown(socket.SHUT_WR)
    while await loop.sock_recv(ours, 4096):
        pass
    ours.close()


async def measure(rows: dict[str, Row], rounds: dict[str, int]) -> dict[str, float]:
    """The median of each row, in milliseconds; the rows take turns."""
    times: dict[str, list[float]] = {name: [] for name in rows}
    for number in range(max(rounds.values())):
        for name, row in rows.items():
            if number < rounds[name]:
                started = time.perf_counter()
                await row()
                times[name].append((time.perf_counter() - started) * 1000)
    return {name: statistics.median(found) for name, found in times.items()}


async def main(rounds: int, file: str) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="findings-bench-") as folder:
        root = Path(folder)
        store = ArmStore(root / "arms")
        prepared = await asyncio.to_thread(store.prepare, Target("kasmina", PROJECT))
        caged = ZygoteSandbox(root / "scratch", SandboxMode.RELAXED)
        bare = ZygoteSandbox(root / "scratch", SandboxMode.RELAXED)
        plain = SubprocessSandbox(root / "scratch", SandboxMode.RELAXED)
        missing = [status.name for status in caged.layers() if not status.works]
        bare._layers = tuple(replace(status, works=False) for status in caged.layers())
        await caged.warm()
        await bare.warm()
        rows: dict[str, Row] = {
            "cold python -m pytest": lambda: cold(file),
            "subprocess, caged": lambda: arm(plain, prepared, file),
            "engine, bare": lambda: arm(bare, prepared, file),
            "engine, caged": lambda: arm(caged, prepared, file),
            "fork and exit": lambda: fork_floor(bare),
        }
        few = max(3, rounds // 5)
        counts = dict.fromkeys(rows, rounds) | {
            "cold python -m pytest": few,
            "subprocess, caged": few,
        }
        found = await measure(rows, counts)
        for sandbox in (caged, bare, plain):
            await sandbox.close()
    base = found["engine, caged"]
    print(f"{'':<24}{'median ms':>10}{'÷ caged':>9}")
    for name, value in found.items():
        print(f"{name:<24}{value:>10.1f}{value / base:>9.2f}")
    print(f"\nlayers missing: {', '.join(missing) or 'none'}; rounds: {counts}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--file", default="tests/verification/test_b2_drl_10.py")
    options = parser.parse_args()
    asyncio.run(main(options.rounds, options.file))
