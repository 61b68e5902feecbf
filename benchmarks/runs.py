"""How long a run takes over HTTP, beside the engine alone, as ratios measured in one run.

``python benchmarks/runs.py [--rounds N] [--queued N]``

Starts a service of its own, files a ticket whose tests the suite ships, and measures: the caged
engine alone on the same file; a check from trigger to finished over HTTP; a whole proof; and how
many queued checks a second one and two workers finish, beside what the engine alone could do on so
many cores. Results are never reused (``force``). Medians; absolute times drift, ratios hold.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

import httpx  # noqa: E402  # the project need not be installed

from app.sandbox.arms import ArmStore  # noqa: E402  # see above
from app.sandbox.interface import ArmRequest, SandboxMode, Target  # noqa: E402  # see above
from app.sandbox.zygote import ZygoteSandbox  # noqa: E402  # see above
from tests.support.service import running_service  # noqa: E402  # see above

KEY = "B2-DRL-10"
FILE = "tests/verification/test_b2_drl_10.py"
DEFECTS = PROJECT / "tests" / "verification" / "defects"


async def engine_alone(rounds: int) -> float:
    """Return the median seconds of one caged arm."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)  # noqa: S103  # the tests' own user passes through
        sandbox = ZygoteSandbox(Path(folder) / "scratch", SandboxMode.RELAXED)
        arm = ArmStore(Path(folder) / "arms").prepare(Target("kasmina", PROJECT))
        await sandbox.warm()
        times = []
        for _ in range(rounds + 2):
            started = time.perf_counter()
            await sandbox.run(ArmRequest(arm, (FILE,)))
            times.append(time.perf_counter() - started)
        await sandbox.close()
    return statistics.median(times[2:])


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


def queued(client: httpx.Client, count: int) -> float:
    """Return how many of `count` queued checks are finished a second."""
    with ThreadPoolExecutor(4) as pool:
        started = time.perf_counter()
        runs = list(pool.map(lambda _: trigger(client, "check"), range(count)))
        for run in runs:
            finished(client, run)
        return count / (time.perf_counter() - started)


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


def with_workers(workers: int, rounds: int, count: int) -> dict[str, float]:
    """Measure a service with so many workers."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # short, for the socket
        settings = {"FINDINGS_WORKERS": str(workers), "FINDINGS_LOG_LEVEL": "warning"}
        with running_service(Path(folder), settings) as service, service.client() as client:
            prepare(client)
            found = {"check": over_http(client, "check", rounds)}
            if workers == 1:
                found["proof"] = over_http(client, "proof", max(3, rounds // 3))
            found["queued"] = queued(client, count)
    return found


def main(rounds: int, count: int) -> None:
    """Measure everything and print the table."""
    cores = os.cpu_count() or 1
    alone = asyncio.run(engine_alone(rounds))
    one = with_workers(1, rounds, count)
    two = with_workers(2, rounds, count)
    print(f"| what | time or rate | beside the engine alone ({cores} cores) |")
    print("|---|---|---|")
    print(f"| caged engine alone, one arm of three tests | {alone * 1000:.0f} ms | 1 |")
    check = one["check"]
    print(
        f"| check over HTTP, trigger to finished | {check * 1000:.0f} ms | {check / alone:.1f} × |"
    )
    proof = one["proof"]
    arms = "4 arms, 3 repeats, whole suite"
    print(f"| proof over HTTP ({arms}) | {proof * 1000:.0f} ms | {proof / alone:.1f} × |")
    for workers, found in ((1, one), (2, two)):
        share = found["queued"] * alone / min(workers, cores)
        print(
            f"| {count} queued checks, {workers} at once | {found['queued']:.1f}/s | {share:.0%} |"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--queued", type=int, default=200)
    chosen = parser.parse_args()
    main(chosen.rounds, chosen.queued)
