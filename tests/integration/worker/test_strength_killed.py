"""A run that measures strength, whose worker is a real process and is killed in the middle."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.integration.worker.test_lost_workers import worker_process
from tests.integration.worker.test_strength import CALC, SLOW, about, begun, mutants, working
from tests.support.api import running_api
from tests.support.bench import Bench
from tests.support.cluster import short_directory
from tests.support.shared import Shared
from tests.support.target import write_target

pytestmark = pytest.mark.anyio


async def test_a_killed_worker_leaves_what_it_has_found_and_the_next_repeats_none(
    database: str, shared: Shared
) -> None:
    with short_directory() as folder:
        write_target(folder, {"__init__.py": "", "calc.py": CALC}, SLOW)
        async with running_api(
            database, shared=shared, target_root=folder, worker_silence_s=1
        ) as api:
            await api.call("POST", "/tests/sync", expect=200)
            bench = Bench(api, folder)
            async with working(api, drain_s=30):
                key = await about(bench, "clip, Box", "test_slow.py")
            asked = {"kind": "strength"}
            answer = await api.call("POST", f"/tickets/{key}/runs", json=asked, expect=202)
            run_id = answer.json()["id"]
            with worker_process(database, target_root=folder) as process:
                before = await begun(bench, run_id, 2, most_s=240)
                os.kill(process.pid, signal.SIGKILL)
                await asyncio.to_thread(process.wait)
            left = await api.get(f"/runs/{run_id}")
            ended = [m for m in await mutants(bench, left) if m["outcome"] is not None]
            async with working(api):
                run = await api.get(f"/runs/{run_id}?wait=60")
            after = await mutants(bench, run)

    assert left["status"] == "running" and left["strength"]["not_run"] > 0
    assert (run["outcome"], run["attempt"]) == ("measured", 2)
    assert run["strength"]["not_run"] == 0
    # Down to the time that each took: none was run again.
    known = {one["digest"] for one in ended}
    assert len(before) <= len(ended)
    assert [one for one in after if one["digest"] in known] == ended
