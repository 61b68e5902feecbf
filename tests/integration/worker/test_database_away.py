"""The database goes away in the middle of a run: the result is written when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database import migrate
from app.embedded import EmbeddedCluster
from tests.support.api import running_api
from tests.support.cluster import short_directory
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

SLOW = """\
import time


def test_slow():
    time.sleep(3)
"""


@pytest.fixture
def project() -> Iterator[Path]:
    with short_directory() as folder:
        (folder / "kasmina").mkdir()
        (folder / "kasmina" / "__init__.py").write_text("")
        suite = folder / "tests" / "verification"
        suite.mkdir(parents=True)
        (suite / "test_slow.py").write_text(SLOW)
        yield folder


async def test_a_run_outlives_an_absence_of_the_database(project: Path, shared: Shared) -> None:
    with short_directory() as data_dir:
        cluster = EmbeddedCluster(data_dir, durable=False)
        with cluster.lock():
            url = cluster.start()
            try:
                migrate(url)
                await _walk(cluster, url, project, shared)
            finally:
                cluster.stop()


async def _walk(cluster: EmbeddedCluster, url: str, project: Path, shared: Shared) -> None:
    async with running_api(
        url, shared=shared, workers=1, target_root=project, worker_silence_s=2
    ) as api:
        await api.call("POST", "/tests/sync", expect=200)
        key = (await api.file())["key"]
        body = {"node_id": "tests/verification/test_slow.py"}
        await api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)
        answer = await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)
        path = f"/runs/{answer.json()['id']}"
        async with asyncio.timeout(30):
            while (await api.get(path))["status"] != "running":
                await api.get(f"{path}?wait=0.2")

        await asyncio.to_thread(cluster.stop)
        away = await api.call("GET", path)
        await asyncio.to_thread(cluster.start)

        async with asyncio.timeout(60):
            while (run := await api.get(f"{path}?wait=20"))["status"] != "finished":
                pass
        ends = (await api.get(f"/tickets/{key}/history"))["items"]

    assert away.status_code == 503
    assert run["outcome"] == "passed"
    assert sum(event["action"] == "run.finished" for event in ends) == 1
