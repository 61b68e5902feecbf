"""Things break under load; what was acknowledged is there afterwards, once, and nothing is left.

``benchmarks/soak.py`` does the same for as long as one likes.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import psycopg
import pytest

from app import startup
from app.config import PROJECT_ROOT, load_settings
from app.database import libpq_url
from app.errors import StartupError
from benchmarks.soak import soak
from tests.support.api import Api, running_api, ticket_body
from tests.support.cluster import short_directory
from tests.support.service import (
    Service,
    clean_environment,
    running_service,
    start,
    start_process,
    stop,
    wait_until,
)
from tests.support.versions import LATER, newer_version

SECONDS = 6.0


def test_nothing_acknowledged_is_lost_and_nothing_is_left_over(installation: Path) -> None:
    tally = soak(SECONDS, seed=11, data_dir=installation)

    assert tally.wrong == []
    assert tally.faults
    assert tally.runs
    assert set(tally.outcomes) == {"passed"}


@contextlib.contextmanager
def on_a_small_disk(installed: Path, megabytes: int) -> Iterator[tuple[Service, Path]]:
    """A service whose data directory lies on a disk of its own, which it alone can see.

    Gives the data directory as others reach it.
    """
    with short_directory() as seen, short_directory() as logs:
        mount = (
            f"mount -t tmpfs -o size={megabytes}m,mode=0711 none {seen} && "
            f"cp -a {installed}/. {seen}"
        )
        serve = shlex.join([sys.executable, "-m", "app.cli", "serve"])
        service = start_process(
            ["unshare", "--mount", "sh", "-c", f"{mount} && exec {serve}"],
            seen,
            {"FINDINGS_WORKERS": "0"},
            log=logs / "log",
        )
        reached = Path(f"/proc/{service.process.pid}/root{seen}")
        service.data_dir = reached
        try:
            yield service, reached
        finally:
            assert stop(service) == 0


def small_disk_missing() -> str | None:
    """Why there can be none here."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return "only root can mount a small disk, with unshare(1)"
    with short_directory() as folder:
        mount = f"mount -t tmpfs -o size=1m none {folder}"
        command = ["unshare", "--mount", "sh", "-c", mount]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return "this kernel or container lets nobody mount anything"
    return None


def fill(disk: Path) -> Path:
    """Fills it to the last block, and returns the file that does."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 12))
    return filler


def test_a_full_disk_refuses_writes_and_loses_none(installed: Path) -> None:
    if reason := small_disk_missing():
        pytest.skip(reason)
    with on_a_small_disk(installed, 150) as (service, disk), service.client() as client:
        filed = []

        def file_one() -> httpx.Response:
            answer = client.post("/tickets", json=ticket_body(summary="words " * 500))
            if answer.status_code == 201:
                filed.append(answer.json()["key"])
            return answer

        assert file_one().status_code == 201
        filler = fill(disk)
        # Pages that are there already take some more; then nothing can be written.
        refused = next(answer for _ in range(200) if (answer := file_one()).status_code != 201)
        assert refused.status_code == 503, refused.text
        assert "disk is full" in refused.json()["detail"]
        assert refused.headers["Retry-After"]
        assert client.get(f"/tickets/{filed[0]}").status_code == 200
        ready = httpx.get(f"{service.url}/readyz")
        assert (ready.status_code, "disk is full" in ready.text) == (503, True)

        filler.unlink()

        wait_until(lambda: file_one().status_code == 201, why="there is room again")
        assert httpx.get(f"{service.url}/readyz").status_code == 200
        assert [client.get(f"/tickets/{key}").status_code for key in filed] == [200] * len(filed)
        assert "No space left on device" in service.log.read_text()


@pytest.mark.anyio
async def test_without_a_connection_to_spare_requests_are_refused_and_none_is_lost(
    database: str,
) -> None:
    async with running_api(database, database_pool=4) as api:
        with contextlib.ExitStack() as held:
            _take_all_connections(database, held)
            answers = await _file_at_once(api, 12)
            refused = [answer for answer in answers if answer.status_code != 201]
            assert {answer.status_code for answer in refused} == {503}
            assert all(answer.headers["Retry-After"] for answer in refused)

        answers += (again := await _file_at_once(api, 12))
        assert {answer.status_code for answer in again} == {201}
        filed = {answer.json()["key"] for answer in answers if answer.status_code == 201}
        page = await api.get("/tickets?limit=200")
        assert {ticket["key"] for ticket in page["items"]} == filed


def _take_all_connections(url: str, held: contextlib.ExitStack) -> None:
    for _ in range(1000):
        try:
            held.enter_context(psycopg.connect(libpq_url(url)))
        except psycopg.OperationalError:
            return
    raise AssertionError("the server has no limit")


async def _file_at_once(api: Api, number: int) -> list[httpx.Response]:
    answers: list[httpx.Response] = []

    async def one() -> None:
        answers.append(await api.call("POST", "/tickets", json=ticket_body()))

    async with anyio.create_task_group() as group:
        for _ in range(number):
            group.start_soon(one)
    return answers


def test_two_versions_share_a_database_during_an_upgrade(database: str, tmp_path: Path) -> None:
    """The old one serves on while the schema is upgraded below it.

    None starts on a schema that is not its own.
    """
    newer = newer_version(tmp_path / "newer")
    given = {
        "DATABASE_URL": database,
        "FINDINGS_WORKERS": "0",
        "FINDINGS_TARGET_ROOT": str(PROJECT_ROOT),
    }
    with (
        short_directory() as old_dir,
        short_directory() as new_dir,
        running_service(old_dir, given) as old,
        old.client() as client,
    ):
        key = client.post("/tickets", json=ticket_body()).raise_for_status().json()["key"]
        migrated = subprocess.run(
            [sys.executable, "-m", "app.cli", "migrate"],
            env={**clean_environment(), **given, "PYTHONPATH": str(newer)},
            cwd=newer,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert migrated.stdout.rstrip().endswith(f"-> {LATER}"), migrated.stderr

        assert client.get(f"/tickets/{key}").status_code == 200
        client.post("/tickets", json=ticket_body()).raise_for_status()
        settings = load_settings(data_dir=new_dir, port=0, workers=0, database_url=database)
        with (
            pytest.raises(StartupError, match=f"revision {LATER}. is newer than this version"),
            startup.ready_to_serve(settings),
        ):
            pass
        new = start(new_dir, given, code=newer)
        try:
            with new.client(old.admin_token) as other:
                assert other.get(f"/tickets/{key}").json() == client.get(f"/tickets/{key}").json()
                filed = other.post("/tickets", json=ticket_body()).raise_for_status().json()
            assert client.get(f"/tickets/{filed['key']}").status_code == 200
        finally:
            assert stop(new) == 0
