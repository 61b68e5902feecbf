"""A host that serves and runs no tests: it has no torch, and leaves the suite to the workers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database import migrate
from tests.support.api import ticket_body
from tests.support.cluster import Server, clone_database, database_url, drop_database
from tests.support.service import (
    Service,
    clean_environment,
    start,
    start_command,
    stop,
    wait_until,
)
from tests.support.webhost import web_host_python

NODE_ID = "tests/verification/test_b2_drl_10.py"

LOADED = """
import sys
from app.config import load_settings
from app.factory import Factory
from app.main import create_app
import app.startup, app.serving, app.diagnosis
create_app(Factory(load_settings(data_dir="/nonexistent"), "postgresql://u:p@127.0.0.1/x"))
print(sorted({"torch", "pytest", "_pytest", "kasmina"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return web_host_python(tmp_path_factory.mktemp("web-host") / "venv")


@pytest.fixture(scope="module")
def shared_url(foreign: Server) -> Iterator[str]:
    """A database that several hosts reach over TCP."""
    clone_database(foreign.admin_url, "template0", "many_hosts", owner="findings")
    url = database_url(foreign.service_url, "many_hosts")
    migrate(url)
    yield url
    drop_database(foreign.admin_url, "many_hosts")


def folder(tmp_path: Path, name: str) -> Path:
    made = tmp_path / name
    made.mkdir()
    return made


def test_the_web_process_loads_neither_torch_nor_pytest() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(("command", "workers"), [("serve", "1"), ("worker", "1")])
def test_what_would_run_tests_refuses_to_start_without_torch(
    python: Path, tmp_path: Path, command: str, workers: str
) -> None:
    process, log = start_command(
        command, tmp_path, {"FINDINGS_WORKERS": workers}, name="log", python=python
    )

    assert process.wait(60) == 2
    (line,) = log.read_text().splitlines()
    assert line.startswith("findings: This host cannot run tests: pytest and torch not installed")
    assert "findings[worker]" in line


def test_hosts_share_the_work_over_the_network(
    python: Path, shared_url: str, tmp_path: Path
) -> None:
    """Two web hosts without torch on addresses of their own, two workers, PostgreSQL over TCP."""
    shared = {"DATABASE_URL": shared_url, "FINDINGS_WORKERS": "0"}
    first = start(
        folder(tmp_path, "web-1"), {**shared, "FINDINGS_HOST": "127.0.0.2"}, python=python
    )
    workers = []
    try:
        _nothing_is_collected_yet(first)
        second = start(
            folder(tmp_path, "web-2"), {**shared, "FINDINGS_HOST": "127.0.0.3"}, python=python
        )
        # Whoever starts a second web host gets no token by that.
        assert not (second.data_dir / "admin-token").exists()
        try:
            for number in (1, 2):  # the second finds the suite collected
                name, extra = f"worker-{number}", {"DATABASE_URL": shared_url}
                workers += [start_command("worker", folder(tmp_path, name), extra, name=name)[0]]
                _workers_are_listed(first, number)
            _a_run_asked_for_here_is_seen_there(first, second)
        finally:
            assert stop(second) == 0
    finally:
        for process in workers:
            process.terminate()
        codes = [process.wait(60) for process in workers]
        assert stop(first) == 0
    assert codes == [0, 0]


def _nothing_is_collected_yet(web: Service) -> None:
    with web.client() as client:
        refused = client.post("/tests/sync")
        assert refused.status_code == 503
        assert "findings worker" in refused.json()["detail"]
        assert client.get("/tests").json()["items"] == []


def _workers_are_listed(web: Service, number: int) -> None:
    with web.client() as client:
        wait_until(
            lambda: len(client.get("/workers").json()["items"]) == number,
            why=f"{number} workers are listed",
        )


def _a_run_asked_for_here_is_seen_there(here: Service, there: Service) -> None:
    with here.client() as client, there.client(here.admin_token) as other:
        assert client.get("/tests").json()["items"]
        key = client.post("/tickets", json=ticket_body()).json()["key"]
        linked = client.post(f"/tickets/{key}/tests", json={"node_id": NODE_ID})
        assert linked.status_code == 201, linked.text
        asked = client.post(f"/tickets/{key}/runs", json={"kind": "check"})
        assert asked.status_code == 202, asked.text

        seen = other.get(f"/runs/{asked.json()['id']}", params={"wait": 60}).json()

        assert (seen["status"], seen["outcome"]) == ("finished", "passed")
        assert client.post("/tests/sync").status_code == 503
        # The refusal emptied nothing.
        assert client.get("/tests").json()["items"]
