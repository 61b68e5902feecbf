"""The life of ``findings serve`` as a process: start, refusal to start, stop, and doctor."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.cluster import Server, short_directory
from tests.support.service import clean_environment, start, stop


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
        timeout=60,
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that would not start."""
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("findings: ")
    return line


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with short_directory() as folder:
        yield folder


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


def postmaster(data_dir: Path) -> int:
    """The process of the embedded database."""
    return int((data_dir / "pg" / "postmaster.pid").read_text().split("\n", 1)[0])


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may still wait for its parent to take note."""
    try:
        stat_line = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat_line.rpartition(")")[2].split()[0] != "Z"


def test_ctrl_c_stops_web_worker_and_database(data_dir: Path) -> None:
    service = start(data_dir)
    database = postmaster(data_dir)
    kin = descendants(service.process.pid)
    assert alive(database) and kin

    assert stop(service) == 0

    assert not alive(database)
    assert [pid for pid in kin if alive(pid)] == []
    assert "Traceback" not in service.log.read_text()


def test_the_first_start_leaves_a_token_for_its_owner_only(data_dir: Path) -> None:
    service = start(data_dir)
    try:
        token = data_dir / "admin-token"
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        with service.client() as client:
            me = client.get("/me").json()
        assert (me["name"], me["role"]) == ("admin", "admin")
        assert service.admin_token not in service.log.read_text()

        again = findings("serve", data_dir=data_dir, FINDINGS_PORT="0")
        line = refusal(again)
        assert f"(pid {service.process.pid}) already uses this data directory" in line
        with service.client() as client:
            assert client.get("/me").status_code == 200

        taken = service.url.rpartition(":")[2]
        with short_directory() as other:
            line = refusal(findings("serve", data_dir=other, FINDINGS_PORT=taken))
            assert f"127.0.0.1:{taken} cannot be listened on: Address already in use" in line
            assert "FINDINGS_PORT" in line
            assert list(other.iterdir()) == []

        doctor = findings("doctor", "--json", data_dir=data_dir)
        looked_at = {item["name"]: item for item in json.loads(doctor.stdout)}
        for name in ("data directory", "admin token", "embedded database", "schema", "target"):
            assert looked_at[name]["ok"], looked_at[name]
        assert "running as process" in looked_at["embedded database"]["detail"]
        assert any(name.startswith("layer ") for name in looked_at)
    finally:
        stop(service)


def test_a_start_after_a_kill_adopts_the_running_database(data_dir: Path) -> None:
    killed = start(data_dir)
    with killed.client() as client:
        ticket = {"title": "t", "severity": "P4", "batch": 1, "agent": "drl", "summary": "s"}
        key = client.post("/tickets", json=ticket).raise_for_status().json()["key"]
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.process.wait()
    database = postmaster(data_dir)

    service = start(data_dir, name="again")

    assert postmaster(data_dir) == database
    with service.client() as client:
        assert client.get(f"/tickets/{key}").json()["title"] == "t"
    assert stop(service) == 0
    assert not alive(database)


WRONG = [
    ({"FINDINGS_PORT": "eighty"}, "FINDINGS_PORT: input should be a valid integer"),
    ({"FINDINGS_PORT": "70000"}, "FINDINGS_PORT: input should be less than or equal to 65535"),
    ({"FINDINGS_WORKERS": "-1"}, "FINDINGS_WORKERS: input should be greater than or equal to 0"),
    ({"FINDINGS_SANDBOX": "loose"}, "FINDINGS_SANDBOX: input should be 'strict' or 'relaxed'"),
    ({"FINDINGS_LOG_LEVEL": "loud"}, "FINDINGS_LOG_LEVEL: "),
    ({"FINDINGS_PUBLIC_URL": "example.org"}, "FINDINGS_PUBLIC_URL: should be the scheme and host"),
    ({"FINDINGS_PROT": "8000"}, "Unknown settings: FINDINGS_PROT. Known are"),
    ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL: should look like postgresql://"),
    ({"DATABASE_URL": "nonsense"}, "DATABASE_URL: should look like postgresql://"),
    (
        {"DATABASE_URL": "postgresql://x:pw@127.0.0.1:9/y"},
        "The database does not answer: connection failed",
    ),
    ({"FINDINGS_HOST": "192.0.2.1"}, "192.0.2.1:8000 cannot be listened on"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_a_wrong_setting_is_named_in_one_line(
    data_dir: Path, settings: dict[str, str], message: str
) -> None:
    needed = {} if {"FINDINGS_PORT", "FINDINGS_HOST"} & settings.keys() else {"FINDINGS_PORT": "0"}

    line = refusal(findings("serve", data_dir=data_dir, **needed, **settings))

    assert message in line
    assert ":pw@" not in line


def test_several_wrong_settings_are_named_together(data_dir: Path) -> None:
    done = findings("serve", data_dir=data_dir, FINDINGS_PORT="x", FINDINGS_WORKERS="x")

    assert "FINDINGS_PORT: " in refusal(done) and "FINDINGS_WORKERS: " in refusal(done)


def test_a_wrong_password_is_told_without_the_password(data_dir: Path, cluster: Server) -> None:
    password = psycopg.conninfo.conninfo_to_dict(cluster.service_url)["password"]
    assert isinstance(password, str)
    wrong = cluster.service_url.replace(password, "not-the-password")

    line = refusal(findings("serve", data_dir=data_dir, FINDINGS_PORT="0", DATABASE_URL=wrong))

    assert "password authentication failed" in line
    assert "not-the-password" not in line


@pytest.mark.parametrize("server", ["cluster"], indirect=True)
def test_a_given_database_is_migrated_by_its_own_command(
    data_dir: Path, empty_database: str
) -> None:
    given = {"DATABASE_URL": empty_database, "FINDINGS_PORT": "0"}

    line = refusal(findings("serve", data_dir=data_dir, **given))
    assert "schema is at nothing" in line and line.endswith("Run: findings migrate")
    assert "Run: findings migrate" in refusal(findings("worker", data_dir=data_dir, **given))

    migrated = findings("migrate", data_dir=data_dir, DATABASE_URL=empty_database)
    assert (migrated.returncode, migrated.stdout.split(" -> ")[0]) == (0, "Schema: empty")

    service = start(data_dir, {"DATABASE_URL": empty_database, "FINDINGS_WORKERS": "0"})
    with service.client() as client:
        assert client.get("/me").json()["role"] == "admin"
    assert stop(service) == 0


def test_a_worker_without_a_database_says_what_to_do(data_dir: Path) -> None:
    line = refusal(findings("worker", data_dir=data_dir))

    assert "DATABASE_URL is not set, and there is no embedded database" in line
    assert "findings serve" in line


def test_a_data_directory_that_cannot_be_used_is_named(data_dir: Path) -> None:
    (data_dir / "file").write_text("")

    line = refusal(findings("serve", data_dir=data_dir / "file", FINDINGS_PORT="0"))

    assert str(data_dir / "file") in line


def test_doctor_names_what_is_broken(data_dir: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"postgresql://x@127.0.0.1:{nobody.getsockname()[1]}/y"
        done = findings(
            "doctor",
            data_dir=data_dir,
            DATABASE_URL=away,
            FINDINGS_TARGET_ROOT=str(data_dir),
        )

    assert done.returncode == 1
    broken = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert any("database" in line and "does not answer" in line for line in broken)
    assert any("target" in line and "set FINDINGS_TARGET_ROOT" in line for line in broken)
