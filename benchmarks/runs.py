"""How long a run takes over HTTP, beside the engine alone, as ratios measured in one run.

``python benchmarks/runs.py [--rounds N] [--queued N]``

Starts a service of its own, files a ticket whose tests the suite ships, and measures: the caged
engine alone on the same file, one arm at a time and two; a check from trigger to finished over
HTTP; a whole proof; how many checks that are queued already one worker process finishes a second,
and two; and what a worker that has nothing to do costs. Results are never reused (``force``).
Medians; absolute times drift, ratios hold. What is aimed at stands beside each figure.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

import httpx  # noqa: E402  # the project need not be installed

from app.domain.targets import Target  # noqa: E402  # see above
from app.sandbox.arms import ArmStore  # noqa: E402  # see above
from app.sandbox.interface import ArmRequest, SandboxMode  # noqa: E402  # see above
from app.sandbox.zygote import ZygoteSandbox  # noqa: E402  # see above
from tests.support.service import Service, clean_environment, running_service  # noqa: E402  # see above

KEY = "B2-DRL-10"
FILE = "tests/verification/test_b2_drl_10.py"
AT_ONCE = (1, 2)
DEFECTS = PROJECT / "tests" / "verification" / "defects"


async def engine_alone(rounds: int, at_once: int = 1) -> tuple[float, float]:
    """Return the median seconds of a caged arm, and how many a second with so many at once."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)  # noqa: S103  # the tests' own user passes through
        sandbox = ZygoteSandbox(Path(folder) / "scratch", SandboxMode.RELAXED)
        arm = ArmStore(Path(folder) / "arms").prepare(Target("kasmina", PROJECT))
        await sandbox.warm()
        times: list[float] = []

        async def run(number: int) -> None:
            for _ in range(number):
                started = time.perf_counter()
                await sandbox.run(ArmRequest(arm, (FILE,)))
                times.append(time.perf_counter() - started)

        await run(2)
        times.clear()
        started = time.perf_counter()
        await asyncio.gather(*(run(rounds) for _ in range(at_once)))
        rate = at_once * rounds / (time.perf_counter() - started)
        await sandbox.close()
    return statistics.median(times), rate


def trigger(client: httpx.Client, kind: str) -> str:
    """Queue a run and return its id."""
    body = {"kind": kind, "force": True}
    answer = client.post(f"/tickets/{KEY}/runs", json=body)
    answer.raise_for_status()
    return str(answer.json()["id"])


def finished(client: httpx.Client, run: str) -> None:
    """Wait until a run has ended well."""
    while True:
        found = client.get(f"/runs/{run}", params={"wait": 60}).raise_for_status().json()
        if found["status"] == "finished":
            assert found["outcome"] in ("passed", "proven"), found
            return


def over_http(client: httpx.Client, kind: str, rounds: int) -> float:
    """Return the median seconds from trigger to finished."""
    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        finished(client, trigger(client, kind))
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


@dataclass(frozen=True)
class Drained:
    """How workers dealt with a queue."""

    alone: float
    """What the engine alone did a second with as many arms at once, right before and after."""
    rate: float
    """Runs a second, from the start of the first to the end of the last."""
    worker_ms: float
    """Time of the processor that the workers took for each, beside what their arms took."""
    database_ms: float


def drained(
    service: Service, client: httpx.Client, rounds: int, count: int, workers: int
) -> Drained:
    """Queue `count` checks, then start so many workers and wait until all are done."""
    _, before_all = asyncio.run(engine_alone(rounds, workers))
    runs = [trigger(client, "check") for _ in range(count)]
    with ExitStack() as stack:
        pids = [stack.enter_context(worker(service)).pid for _ in range(workers)]
        finished(client, runs[0])
        before, database = sum(map(cpu_s, pids)), database_cpu_s(service)
        finished(client, runs[-1])
        for run in runs:
            finished(client, run)
        spent = sum(map(cpu_s, pids)) - before
        database = database_cpu_s(service) - database
    shown = [client.get(f"/runs/{run}").raise_for_status().json() for run in runs]
    starts = [datetime.fromisoformat(run["started_at"]) for run in shown]
    ends = [datetime.fromisoformat(run["finished_at"]) for run in shown]
    rate = count / (max(ends) - min(starts)).total_seconds()
    _, after_all = asyncio.run(engine_alone(rounds, workers))
    alone = (before_all + after_all) / 2
    return Drained(alone, rate, spent / (count - 1) * 1000, database / (count - 1) * 1000)


@contextmanager
def worker(service: Service) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process on the service's database, for the length of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker"],
        env={
            **clean_environment(),
            "FINDINGS_DATA_DIR": str(service.data_dir),
            "FINDINGS_WORKERS": "1",
            "FINDINGS_LOG_LEVEL": "warning",
        },
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def idle(service: Service, seconds: float) -> float:
    """Return the share of a core that a worker with nothing to do takes, with the database."""
    with worker(service) as process:
        time.sleep(15)  # until it has started
        before = cpu_s(process.pid) + database_cpu_s(service)
        time.sleep(seconds)
        return (cpu_s(process.pid) + database_cpu_s(service) - before) / seconds


def cpu_s(pid: int) -> float:
    """Return the time of the processor that a process has taken, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def database_cpu_s(service: Service) -> float:
    """Return the time of the processor that the embedded server's processes have taken."""
    postmaster = int((service.data_dir / "pg" / "postmaster.pid").read_text().split()[0])
    total = cpu_s(postmaster)
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for child in children:
        with suppress(OSError):
            total += cpu_s(int(child))
    return total


def prepare(client: httpx.Client) -> None:
    """File the ticket with its defects."""
    body = {
        "key": KEY,
        "title": "blend_multiply couples gradients",
        "severity": "P3",
        "batch": 2,
        "agent": "drl",
        "summary": "Leaving seed_input out makes the host its own seed input.",
        "domains": ["kasmina"],
    }
    client.post("/tickets", json=body).raise_for_status()
    for n in (1, 2, 3):
        suffix = "" if n == 1 else f"-{n}"
        text = (DEFECTS / f"{KEY}{suffix}.patch").read_bytes()
        headers = {"Content-Type": "text/x-diff"}
        path = f"/tickets/{KEY}/patches/defect{suffix}"
        client.put(path, content=text, headers=headers).raise_for_status()


def one_by_one(rounds: int) -> dict[str, float]:
    """Measure single runs of a service with its worker inside, and the engine alone beside."""
    with served("1") as service, service.client() as client:
        prepare(client)
        return {
            "alone": asyncio.run(engine_alone(rounds))[0],
            "check": over_http(client, "check", rounds),
            "proof": over_http(client, "proof", max(3, rounds // 3)),
        }


def in_the_queue(rounds: int, count: int) -> tuple[dict[int, Drained], float]:
    """Measure how workers in processes of their own empty a queue, and an idle one."""
    with served("0") as service, service.client() as client:
        prepare(client)
        found = {n: drained(service, client, rounds, count, n) for n in AT_ONCE}
        return found, idle(service, 20)


@contextmanager
def served(workers: str) -> Iterator[Service]:
    """A service for the length of the block."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # short, for the socket
        settings = {"FINDINGS_WORKERS": workers, "FINDINGS_LOG_LEVEL": "warning"}
        with running_service(Path(folder), settings) as service:
            yield service


def main(rounds: int, count: int) -> None:
    """Measure everything and print the table."""
    single = one_by_one(rounds)
    queues, at_rest = in_the_queue(rounds, count)
    row("what", "figure", "beside the engine alone", "aim")
    row("---", "---", "---", "---")
    alone, check, proof = single["alone"], single["check"], single["proof"]
    row("caged engine alone, one arm of three tests", f"{alone * 1000:.0f} ms", "1", "")
    row("check over HTTP", f"{check * 1000:.0f} ms", f"{check / alone:.1f} ×", "≤ 3 ×")
    what = "proof over HTTP (4 arms, 3 repeats, whole suite)"
    row(what, f"{proof * 1000:.0f} ms", f"{proof / alone:.1f} ×", "")
    for workers, found in queues.items():
        share = found.rate / found.alone
        what = f"{count} queued checks, {workers} worker{'s' if workers > 1 else ''}"
        row(what, f"{found.rate:.1f}/s", f"{share:.0%} of {found.alone:.1f}/s", "≥ 80 %")
        cost = f"{found.worker_ms:.0f} + {found.database_ms:.0f} ms"
        row("… processor time of worker + database, each", cost, "", "")
    row("worker and database, nothing to do", f"{at_rest:.1%} of a core", "", "next to nothing")


def row(*cells: str) -> None:
    """Print a row of the table."""
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--queued", type=int, default=200)
    chosen = parser.parse_args()
    main(chosen.rounds, chosen.queued)
