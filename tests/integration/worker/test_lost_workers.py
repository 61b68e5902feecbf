"""Workers that are lost, stopped or late: every run finishes, and finishes once.

A worker is lost between any two of its steps: most of the tests make these steps themselves, then
make no more, and let a living worker find what was left. One kills a real process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.factory import Factory
from app.services.execution import Assignment, Slot
from app.storage.jobs import WorkerForgotten
from app.worker.worker import Worker, worker_name
from tests.factories.runs import an_arm
from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.service import clean_environment
from tests.support.shared import Shared
from tests.support.target import PACKAGE, SUITE, write_target

pytestmark = pytest.mark.anyio

QUICK, SLOW = f"{SUITE}/test_quick.py::test_quick", f"{SUITE}/test_slow.py::test_slow"
SLOWER = f"{SUITE}/test_slower.py::test_slower"
"""Goes on while its worker is given up, also where the machine is busy."""
FILES = {
    "test_quick.py": "def test_quick():\n    pass\n",
    "test_slower.py": "import time\n\n\ndef test_slower():\n    time.sleep(3)\n",
    "test_slow.py": "import time\n\n\ndef test_slow():\n    time.sleep(1)\n",
}
ENOUGH = [an_arm("bundled", {QUICK: "pass"}, repeats=1)]


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    with short_directory() as folder:
        yield write_target(folder, {"__init__.py": ""}, FILES)


@pytest.fixture(scope="module")
async def api(module_database: str, project: Path, shared: Shared) -> AsyncIterator[Api]:
    """The service without a worker; those that the tests start share its sandbox."""
    async with running_api(
        module_database, shared=shared, target_root=project, worker_silence_s=1
    ) as found:
        await found.call("POST", "/tests/sync", expect=200)
        yield found


@contextlib.asynccontextmanager
async def working(
    api: Api, *, concurrency: int = 1, drain_s: float = 30.0
) -> AsyncIterator[Worker]:
    """A living worker in this process; stopped at the end of the block."""
    worker = Worker(api.factory, concurrency=concurrency)
    task = asyncio.create_task(worker.run(drain_s=drain_s))
    try:
        yield worker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def trigger(api: Api, node_id: str) -> str:
    key = (await api.file())["key"]
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": node_id}, expect=201)
    body = {"kind": "check", "force": True}
    answer = await api.call("POST", f"/tickets/{key}/runs", json=body, expect=202)
    return str(answer.json()["id"])


async def until(api: Api, run_id: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while not reached(run := await api.get(f"/runs/{run_id}?wait=0.1")):
            pass
        found: dict[str, Any] = run
        return found


def is_running(run: dict[str, Any]) -> bool:
    return bool(run["status"] == "running")


def has_ended(run: dict[str, Any]) -> bool:
    return bool(run["status"] == "finished")


async def fall_silent(factory: Factory) -> None:
    """All workers' last sign of life was an hour ago, or the clock has leapt by an hour."""
    async with factory.engine.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
        )


async def jobs(factory: Factory) -> int:
    async with factory.engine.connect() as connection:
        found = await connection.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs")
        return int(found.scalar_one())


async def assert_ended_once(api: Api, run: dict[str, Any]) -> None:
    history = (await api.get(f"/tickets/{run['ticket']}/history"))["items"]
    stream = (await api.call("GET", f"/runs/{run['id']}/events", expect=200)).text
    assert [event["action"] for event in history].count("run.finished") == 1
    assert stream.count("event: end") == 1
    assert await jobs(api.factory) == 0


# --- lost between two steps ----------------------------------------------------------------------

STEPS = (
    "begins",
    "is killed while it takes the run",
    "takes the run",
    "records what it sees",
    "is killed while it gives the run back",
    "is killed while it stores the end",
    "stores the end",
)


class Killed(Exception):
    """The process is gone: what was not committed has not happened."""


async def life(factory: Factory, met: list[Assignment]) -> AsyncIterator[str]:
    """All that a worker does for a run, step by step."""
    execution, steps = factory.execution, iter(STEPS)
    slot = Slot("lost:1", await factory.worker_states.register())
    yield next(steps)
    with contextlib.suppress(Killed):
        async with factory.unit.around():
            assert await execution.take(slot) is not None
            raise Killed
    yield next(steps)
    assignment = await execution.take(slot)
    assert assignment is not None
    met.append(assignment)
    yield next(steps)
    await execution.record(assignment.run, [("log", {"text": "seen by the lost one"})])
    yield next(steps)
    with contextlib.suppress(Killed):
        async with factory.unit.around():
            assert await execution.give_back(assignment, "other files")
            raise Killed
    yield next(steps)
    with contextlib.suppress(Killed):
        async with factory.unit.around():
            assert await execution.finish(assignment, ENOUGH, {})
            raise Killed
    yield next(steps)
    assert await execution.finish(assignment, ENOUGH, {})
    yield next(steps)


@pytest.mark.parametrize("last", STEPS)
async def test_a_run_ends_once_whatever_the_last_step_of_its_worker(api: Api, last: str) -> None:
    run_id = await trigger(api, QUICK)
    met: list[Assignment] = []
    async for step in life(api.factory, met):
        if step == last:
            break
    await fall_silent(api.factory)

    async with working(api):
        run = await until(api, run_id, has_ended)
    late = [await api.factory.execution.finish(it, ENOUGH, {"late": True}) for it in met]

    assert (run["outcome"], run["status"]) == ("passed", "finished"), run["reason"]
    assert run["attempt"] == (2 if STEPS.index("takes the run") <= STEPS.index(last) < 6 else 1)
    assert {result["outcome"] for result in run["arms"][0]["results"]} == {"passed"}
    assert not any(late)
    assert await api.get(f"/runs/{run_id}") == run
    await assert_ended_once(api, run)


@contextlib.contextmanager
def worker_process(database: str, **settings: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, killed at the end of the block."""
    with short_directory() as data_dir:
        environment = {
            **clean_environment(),
            "DATABASE_URL": database,
            "FINDINGS_DATA_DIR": str(data_dir),
            **{f"FINDINGS_{name.upper()}": str(path) for name, path in settings.items()},
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "worker"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


async def test_a_killed_process_is_found_by_the_next_worker(
    api: Api, module_database: str, project: Path
) -> None:
    run_id = await trigger(api, SLOW)
    with worker_process(module_database, target_root=project) as process:
        await until(api, run_id, is_running)
        os.kill(process.pid, signal.SIGKILL)

    async with working(api):
        run = await until(api, run_id, has_ended)

    assert (run["outcome"], run["attempt"]) == ("passed", 2), run["reason"]
    await assert_ended_once(api, run)


async def test_a_run_that_loses_three_workers_ends_with_the_reason(api: Api) -> None:
    run_id = await trigger(api, QUICK)
    execution, workers = api.factory.execution, api.factory.worker_states
    for _ in range(3):
        assert await execution.take(Slot("lost", await workers.register())) is not None
        await fall_silent(api.factory)
        assert [str(lost) for lost in await workers.rescue(1.0)] == [run_id]

    assert await execution.take(Slot("fourth", await workers.register())) is None

    run = await api.get(f"/runs/{run_id}")
    assert run["outcome"] == "error"
    assert run["reason"] == "The worker was lost 3 times while it executed this run."
    assert (await api.get(f"/tickets/{run['ticket']}"))["evidence"]["state"] == "unverified"
    await assert_ended_once(api, run)


@pytest.mark.parametrize("plan", ['{"x":1}', "[]", "null", '{"target": [], "arms": [3]}'])
async def test_a_run_whose_plan_nobody_can_read_ends_after_three_attempts(
    api: Api, plan: str
) -> None:
    run_id = await trigger(api, QUICK)
    await _sql(api, "UPDATE runs SET plan = CAST(%s AS jsonb) WHERE id = %s", plan, run_id)
    execution = api.factory.execution
    slot = Slot("reader", await api.factory.worker_states.register())

    for attempt in (1, 2):
        assert await execution.take(slot) is None
        assert await execution.take(slot) is None  # it rests
        rests = await api.get(f"/runs/{run_id}")
        assert (rests["status"], rests["attempt"]) == ("queued", attempt)
        assert f"{attempt} of 3 times" in rests["reason"]
        await _sql(api, "UPDATE procrastinate_jobs SET scheduled_at = now()")
    assert await execution.take(slot) is None

    run = await api.get(f"/runs/{run_id}")
    assert (run["status"], run["outcome"]) == ("finished", "error")
    assert "could not be read, 3 times" in run["reason"]
    assert (await api.get(f"/tickets/{run['ticket']}"))["evidence"]["state"] == "unverified"
    await assert_ended_once(api, run)


async def _sql(api: Api, statement: str, *values: str) -> None:
    async with api.factory.engine.begin() as connection:
        await connection.exec_driver_sql(statement, values)


async def test_a_run_without_a_job_is_queued_anew(api: Api) -> None:
    run_id = await trigger(api, QUICK)
    async with api.factory.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM procrastinate_jobs")
        await connection.exec_driver_sql("UPDATE runs SET queued_at = now() - interval '1 hour'")

    async with working(api):
        run = await until(api, run_id, has_ended)

    assert (run["outcome"], run["attempt"]) == ("passed", 1)
    await assert_ended_once(api, run)


# --- late, stopped, or with other files ----------------------------------------------------------


async def test_a_clock_that_leaps_repeats_a_run_that_goes_on_and_ends_it_once(api: Api) -> None:
    run_id = await trigger(api, SLOWER)
    async with working(api, concurrency=2):
        await until(api, run_id, is_running)
        await fall_silent(api.factory)
        await api.factory.worker_states.rescue(1.0)
        run = await until(api, run_id, has_ended)

    assert (run["outcome"], run["attempt"]) == ("passed", 2)
    await assert_ended_once(api, run)


async def test_a_worker_that_was_given_up_needs_another_number(api: Api) -> None:
    run_id = await trigger(api, QUICK)
    number = await api.factory.worker_states.register()
    await fall_silent(api.factory)
    await api.factory.worker_states.rescue(1.0)

    with pytest.raises(WorkerForgotten):
        await api.factory.execution.take(Slot("late", number))

    async with working(api) as worker:
        worker._number = number
        assert (await until(api, run_id, has_ended))["outcome"] == "passed"


async def test_a_worker_that_is_stopped_finishes_what_it_runs(api: Api) -> None:
    run_id = await trigger(api, SLOW)
    async with working(api):
        await until(api, run_id, is_running)

    run = await api.get(f"/runs/{run_id}")
    assert (run["status"], run["outcome"], run["attempt"]) == ("finished", "passed", 1)
    # A process that was killed before is listed for an hour; one that stops says so.
    listed = (await api.get("/workers"))["items"]
    assert worker_name() not in [worker["name"] for worker in listed]


async def test_what_does_not_finish_in_time_is_given_back(api: Api) -> None:
    run_id = await trigger(api, SLOW)
    async with working(api, drain_s=0.0):
        await until(api, run_id, is_running)
    waiting = await api.get(f"/runs/{run_id}")

    async with working(api):
        run = await until(api, run_id, has_ended)

    assert (waiting["status"], waiting["attempt"]) == ("queued", 0)
    assert waiting["reason"] == "its worker was stopped"
    assert (run["outcome"], run["attempt"]) == ("passed", 1)
    await assert_ended_once(api, run)


async def test_a_run_that_no_worker_can_take_says_so(api: Api, project: Path) -> None:
    run_id = await trigger(api, QUICK)
    write_target(project, {"__init__.py": "# Another package.\n"}, {})
    try:
        async with working(api):
            run = await until(api, run_id, lambda run: bool(run["reason"]))
    finally:
        write_target(project, {"__init__.py": ""}, {})

    assert (run["status"], run["attempt"]) == ("queued", 0)
    assert run["reason"].startswith("waits for a worker with package")
    assert PACKAGE in (await api.get(f"/runs/{run_id}"))["target"]
    await api.call("POST", f"/runs/{run_id}/cancel", expect=200)


async def test_a_run_that_no_worker_could_take_for_an_hour_ends(api: Api, project: Path) -> None:
    run_id = await trigger(api, QUICK)
    async with api.factory.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE runs SET queued_at = now() - interval '2 hours'")
    write_target(project, {"__init__.py": "# Another package.\n"}, {})
    try:
        async with working(api):
            run = await until(api, run_id, has_ended)
    finally:
        write_target(project, {"__init__.py": ""}, {})

    assert run["outcome"] == "error"
    assert run["reason"].startswith("Nobody took it for an hour: it waits for a worker with")


async def test_a_worker_whose_interpreter_does_not_answer_lives_all_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    async with working(api), asyncio.timeout(30):
        while not (listed := (await api.get("/workers"))["items"]):
            await asyncio.sleep(0.02)

    assert "python" not in listed[0]["environment"]
