"""The life of ``findings serve`` as a process: start, use, stop, kill, and doctor."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app import startup
from app.config import load_settings
from app.embedded.postmaster import running_postmaster
from tests.support.api import ticket_body
from tests.support.cluster import short_directory
from tests.support.service import (
    clean_environment,
    refusal,
    start,
    start_process,
    stop,
    wait_until,
)


def findings(
    *words: str, data_dir: Path | str = "/nonexistent", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command of the server's side to its end."""
    environment = {**clean_environment(), "FINDINGS_DATA_DIR": str(data_dir), **settings}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def descendants(pid: int) -> list[int]:
    """The processes below `pid`: what runs tests for the worker inside."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = {
        int(child): int(parent) for child, parent in map(str.split, table.stdout.splitlines())
    }
    found = [pid]
    for parent in found:
        found += [child for child, above in parents.items() if above == parent]
    return found[1:]


def postmaster(data_dir: Path) -> int | None:
    """The process of the embedded database."""
    found = running_postmaster(data_dir / "pg")
    return None if found is None else found.pid


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.2", 0))
        return int(taken.getsockname()[1])


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may still wait for its parent to take note."""
    try:
        stat_line = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat_line.rpartition(")")[2].split()[0] != "Z"


def test_from_the_first_start_to_ctrl_c() -> None:
    """On an empty directory, with everything in it: web, worker and database."""
    with short_directory() as data_dir:
        service = start(data_dir)
        try:
            database = postmaster(data_dir)
            assert database
            _a_token_lies_there_for_its_owner_only(service.admin_token, data_dir, service.log)
            with service.client() as client:
                me = client.get("/me").json()
            assert (me["name"], me["role"]) == ("admin", "admin")

            for port in ("0", service.url.rpartition(":")[2]):
                said = refusal(findings("serve", data_dir=data_dir, FINDINGS_PORT=port))
                assert f"(pid {service.process.pid}) already uses this data directory" in said
            with service.client() as client:
                assert client.get("/me").status_code == 200
            _doctor_finds_it_well(data_dir)
            kin = wait_until(lambda: descendants(service.process.pid), why="something runs tests")
        finally:
            code = stop(service)

        assert code == 0
        assert not alive(database)
        assert [pid for pid in kin if alive(pid)] == []
        assert "Traceback" not in service.log.read_text()


def _a_token_lies_there_for_its_owner_only(token: str, data_dir: Path, log: Path) -> None:
    assert stat.S_IMODE((data_dir / "admin-token").stat().st_mode) == 0o600
    assert token not in log.read_text()


def _doctor_finds_it_well(data_dir: Path) -> None:
    done = findings("doctor", "--json", data_dir=data_dir)
    looked_at = {item["name"]: item for item in json.loads(done.stdout)}
    names = ("data directory", "admin token", "embedded database", "schema", "clock", "target")
    assert "results of runs: 0." in looked_at["kept in the database"]["detail"]
    assert "prepared copies of the package" in looked_at["kept on this machine"]["detail"]
    for name in names:
        assert looked_at[name]["ok"], looked_at[name]
    assert "running as process" in looked_at["embedded database"]["detail"]
    assert f"FINDINGS_DATA_DIR={data_dir}" in looked_at["settings"]["detail"]
    assert any(name.startswith("layer ") for name in looked_at)


def test_the_database_is_kept_running_adopted_and_ended(installation: Path) -> None:
    """It is started again when it was killed, outlives its service's kill, and ends on SIGTERM."""
    without_worker = {"FINDINGS_WORKERS": "0"}
    service = start(installation, without_worker)
    killed = postmaster(installation)
    assert killed
    os.kill(killed, signal.SIGKILL)
    with service.client() as client:
        database = wait_until(
            lambda: client.get("/me").status_code == 200 and postmaster(installation),
            why="the service answers again",
        )
        assert database != killed
        key = client.post("/tickets", json=ticket_body(title="t")).raise_for_status().json()["key"]
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait()

    # Options outweigh what the environment says.
    port = free_port()
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), "--workers", "0"]
    command += ["--host", "127.0.0.2", "--data-dir", str(installation)]
    elsewhere = {"FINDINGS_DATA_DIR": "/nonexistent", "FINDINGS_WORKERS": "7"}
    log = installation / "again.log"
    service = start_process(command, installation, elsewhere, log=log)
    assert service.url == f"http://127.0.0.2:{port}"
    assert descendants(service.process.pid) == []

    assert postmaster(installation) == database
    with service.client() as client:
        assert client.get(f"/tickets/{key}").json()["title"] == "t"
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(60) == 0
    assert postmaster(installation) is None
    assert not alive(database)


@pytest.mark.parametrize("server", ["cluster"], indirect=True)
def test_a_given_database_is_migrated_by_its_own_command(empty_database: str) -> None:
    with short_directory() as data_dir:
        given = {"DATABASE_URL": empty_database, "FINDINGS_PORT": "0"}
        said = refusal(findings("serve", data_dir=data_dir, **given))
        assert "schema is at nothing" in said and said.endswith("Run: findings migrate")

        migrated = findings("migrate", data_dir=data_dir, DATABASE_URL=empty_database)
        assert (migrated.returncode, migrated.stdout.split(" -> ")[0]) == (0, "Schema: empty")

        settings = load_settings(data_dir=data_dir, port=0, workers=0, database_url=empty_database)
        with startup.ready_to_serve(settings) as (sock, url):
            assert url == empty_database
            assert sock.getsockname()[1]


def test_doctor_names_what_is_broken() -> None:
    with short_directory() as data_dir, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"postgresql://x:pa55word@127.0.0.1:{nobody.getsockname()[1]}/y"
        done = findings(
            "doctor", data_dir=data_dir, DATABASE_URL=away, FINDINGS_TARGET_ROOT=str(data_dir)
        )

    assert done.returncode == 1
    broken = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert any("database" in line and "does not answer" in line for line in broken)
    assert any("target" in line and "set FINDINGS_TARGET_ROOT" in line for line in broken)
    assert "pa55word" not in done.stdout
