"""Workers that are killed in the middle of a run: real processes, kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.support.cluster import short_directory
from tests.support.service import Service, running_service
from tests.support.target import write_target

SLOW = "tests/verification/test_slow.py"
SUITE = {
    "test_slow.py": "import time\n\n\ndef test_slow():\n    time.sleep(2)\n",
    "test_endless.py": "import time\n\n\ndef test_endless():\n    time.sleep(600)\n",
}
BOUND_S = 60.0


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    """What service and workers share: a target with slow tests, and little patience."""
    with short_directory() as project:
        write_target(project, {"__init__.py": ""}, SUITE)
        yield {
            "FINDINGS_TARGET_ROOT": str(project),
            "FINDINGS_WORKER_SILENCE_S": "1",
            "FINDINGS_TEST_TIMEOUT_S": "600",
            "FINDINGS_RUN_TIMEOUT_S": "600",
        }


@pytest.fixture(scope="module")
def service(settings: dict[str, str]) -> Iterator[Service]:
    with (
        short_directory() as data_dir,
        running_service(data_dir, {**settings, "FINDINGS_WORKERS": "0"}) as found,
    ):
        yield found


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as found:
        yield found


@contextmanager
def worker(service: Service, settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process of its own on the service's database; killed in the end."""
    environment = {
        **service.environment(),
        **settings,
        "FINDINGS_DATA_DIR": str(service.data_dir),
        "FINDINGS_WORKERS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def trigger(client: httpx.Client, node_id: str) -> str:
    ticket = {"title": "t", "severity": "P4", "batch": 1, "agent": "drl", "summary": "s"}
    key = client.post("/tickets", json=ticket).raise_for_status().json()["key"]
    link = {"node_id": node_id}
    client.post(f"/tickets/{key}/tests", json=link).raise_for_status()
    run = client.post(f"/tickets/{key}/runs", json={"kind": "check"}).raise_for_status()
    return str(run.json()["id"])


def until(
    client: httpx.Client, run_id: str, reached: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Wait until a run has come so far; fails after a generous bound."""
    deadline = time.monotonic() + BOUND_S
    while time.monotonic() < deadline:
        run: dict[str, Any] = client.get(f"/runs/{run_id}", params={"wait": 0.2}).json()
        if reached(run):
            return run
    raise AssertionError(f"the run stands at {run['status']}, attempt {run['attempt']}")


def running(attempt: int) -> Callable[[dict[str, Any]], bool]:
    return lambda run: run["status"] == "running" and run["attempt"] == attempt


def finished(run: dict[str, Any]) -> bool:
    return bool(run["status"] == "finished")


def kill(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_another_worker_takes_a_lost_run_up_and_finishes_it_once(
    service: Service, settings: dict[str, str], client: httpx.Client
) -> None:
    run_id = trigger(client, SLOW)
    with worker(service, settings) as first, worker(service, settings) as second:
        taken = until(client, run_id, running(1))
        holder = first if str(first.pid) in _worker_of(client, taken) else second
        kill(holder)

        run = until(client, run_id, finished)

    assert (run["outcome"], run["attempt"]) == ("passed", 2), run["reason"]
    assert [result["outcome"] for result in run["arms"][0]["results"]] == ["passed"]
    history = client.get(f"/tickets/{run['ticket']}/history").json()["items"]
    assert [event["action"] for event in history].count("run.finished") == 1


def test_a_run_that_loses_three_workers_ends_with_the_reason(
    service: Service, settings: dict[str, str], client: httpx.Client
) -> None:
    run_id = trigger(client, "tests/verification/test_endless.py")
    for attempt in (1, 2, 3):
        with worker(service, settings) as process:
            until(client, run_id, running(attempt))
            kill(process)

    with worker(service, settings):
        run = until(client, run_id, finished)

    assert run["outcome"] == "error"
    assert run["reason"] == "The worker was lost 3 times while it executed this run."
    assert client.get(f"/tickets/{run['ticket']}").json()["evidence"]["state"] == "unverified"


def _worker_of(client: httpx.Client, run: dict[str, Any]) -> str:
    """The name of the worker that a run's stream says took it up, with its process number."""
    lines: list[str] = []
    with client.stream("GET", f"/runs/{run['id']}/events") as stream:
        for line in stream.iter_lines():
            lines.append(line)
            if line.startswith("data:") and '"worker"' in line:
                return line
    raise AssertionError(lines)
