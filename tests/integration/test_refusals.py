"""What a process cannot start with is told in one line with the remedy, and nothing is changed."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app import startup
from app.cli.main import main
from app.config import load_settings
from app.database import libpq_url, migrate
from app.errors import StartupError
from tests.support.cluster import Server, short_directory
from tests.support.service import clean_environment, refusal


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with short_directory() as folder:
        yield folder


def refused(data_dir: Path, **settings: object) -> str:
    """The message of a service that would not start with these settings."""
    given = {"port": 0, "workers": 0, **settings}
    with (
        pytest.raises(StartupError) as raised,
        startup.ready_to_serve(load_settings(data_dir=data_dir, **given)),
    ):
        pass
    assert "\n" not in str(raised.value)
    assert raised.value.remedy.strip()
    return str(raised.value)


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
    ({"FINDINGS_PORT": "x", "FINDINGS_WORKERS": "x"}, "FINDINGS_WORKERS: input should be"),
]


@pytest.mark.parametrize("command", ["serve", "worker", "migrate", "doctor"])
@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_a_wrong_setting_is_named_in_one_line(
    data_dir: Path,
    settings: dict[str, str],
    message: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FINDINGS_DATA_DIR", str(data_dir))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert main([command]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("findings: ")
    assert message in line
    assert all(name in line for name in settings)
    assert list(data_dir.iterdir()) == []


def test_a_refusal_ends_the_process_with_exit_code_2(data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "serve"],
        env={
            **clean_environment(),
            "FINDINGS_DATA_DIR": str(data_dir),
            "FINDINGS_PORT": "0",
            "DATABASE_URL": "postgresql://x:secret@127.0.0.1:9/y",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    line = refusal(done)
    assert "The database does not answer: connection failed" in line
    assert "Check DATABASE_URL" in line
    assert "secret" not in line


def test_a_refusal_does_not_load_the_service() -> None:
    """It would take seconds to say what can be said at once."""
    script = (
        "import sys\nfrom app.cli.main import main\nassert main(['serve']) == 2\n"
        "print(sorted({'fastapi', 'sqlalchemy', 'psycopg', 'uvicorn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**clean_environment(), "FINDINGS_PORT": "x"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.strip() == "[]"


def test_a_port_in_use(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(data_dir, port=port)

    assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in said
    assert "FINDINGS_PORT" in said
    assert list(data_dir.iterdir()) == []


def test_an_address_of_another_machine(data_dir: Path) -> None:
    assert "192.0.2.1:0 cannot be listened on" in refused(data_dir, host="192.0.2.1")
    assert list(data_dir.iterdir()) == []


def test_a_wrong_password_is_told_without_the_password(data_dir: Path, cluster: Server) -> None:
    password = psycopg.conninfo.conninfo_to_dict(cluster.service_url)["password"]
    assert isinstance(password, str)
    wrong = cluster.service_url.replace(password, "not-the-password")

    said = refused(data_dir, database_url=wrong)

    assert "password authentication failed" in said
    assert "not-the-password" not in said


def test_a_database_that_does_not_exist(data_dir: Path, cluster: Server) -> None:
    assert 'database "nowhere" does not exist' in refused(
        data_dir, database_url=cluster.service_url.replace("/findings?", "/nowhere?")
    )


@pytest.mark.parametrize("server", ["foreign"], indirect=True)
def test_a_database_without_a_connection_to_spare(
    data_dir: Path, foreign: Server, empty_database: str
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(empty_database)["dbname"]
    with psycopg.connect(foreign.admin_url, autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0'.encode())

    said = refused(data_dir, database_url=empty_database)

    assert "too many connections" in said
    assert "max_connections" in said


@pytest.mark.parametrize("server", ["foreign"], indirect=True)
def test_a_schema_that_is_older(data_dir: Path, empty_database: str) -> None:
    migrate(empty_database, "0001")

    said = refused(data_dir, database_url=empty_database)

    assert "at 0001, but this version needs" in said
    assert said.endswith("Run: findings migrate")
    assert revision(empty_database) == "0001"


def test_a_schema_that_is_newer(data_dir: Path, database: str) -> None:
    with psycopg.connect(libpq_url(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    settings = load_settings(data_dir=data_dir, database_url=database)

    said = refused(data_dir, database_url=database)
    assert "(revision 9999) is newer than this version" in said
    assert "Start the newer version" in said
    with pytest.raises(StartupError, match="newer than this version"):
        startup.ready_to_work(settings)
    with pytest.raises(StartupError, match="newer than this version"):
        startup.upgrade(settings, database)
    assert revision(database) == "9999"


def test_a_database_server_whose_clock_is_hours_off(data_dir: Path, database: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(libpq_url(database))["dbname"]
    with psycopg.connect(libpq_url(database)) as connection:
        connection.execute(
            "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
            "$$ SELECT pg_catalog.clock_timestamp() - interval '3 hours' $$"
        )
        connection.execute(f'ALTER DATABASE "{name}" SET search_path = public, pg_catalog'.encode())

    said = refused(data_dir, database_url=database)
    here, there = re.findall(r"\d\d:\d\d UTC", said)
    assert here != there
    assert "Set both by NTP" in said
    with pytest.raises(StartupError, match="NTP"):
        startup.ready_to_work(load_settings(data_dir=data_dir, database_url=database))


def test_a_clock_that_was_set_back(data_dir: Path, database: str) -> None:
    with psycopg.connect(libpq_url(database)) as connection:
        connection.execute(
            "INSERT INTO audit_events (action, at) VALUES ('x', now() + interval '3 hours')"
        )

    said = refused(data_dir, database_url=database)
    assert "was written later" in said
    assert "FINDINGS_CLOCK_TOLERANCE_S=0" in said
    # What the message names as the way out is one.
    settings = load_settings(data_dir=data_dir, port=0, database_url=database, clock_tolerance_s=0)
    with startup.ready_to_serve(settings) as (_, url):
        assert url == database


def test_a_data_directory_that_is_a_file(data_dir: Path) -> None:
    (data_dir / "file").write_text("")

    assert str(data_dir / "file") in refused(data_dir / "file")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare(1) to mount a folder with")
def test_a_data_directory_on_a_disk_mounted_read_only(data_dir: Path) -> None:
    mount = f"mount --bind {data_dir} {data_dir} && mount -o remount,bind,ro {data_dir}"
    private = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*private, mount], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount anything")
    done = subprocess.run(
        [*private, f"{mount} && exec {sys.executable} -m app.cli serve"],
        env={**clean_environment(), "FINDINGS_DATA_DIR": str(data_dir), "FINDINGS_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    line = refusal(done)
    assert f"The data directory {data_dir} cannot be written to: Read-only file system" in line
    assert "FINDINGS_DATA_DIR" in line


def test_a_worker_without_a_database(data_dir: Path) -> None:
    with pytest.raises(StartupError, match="there is no embedded database") as raised:
        startup.ready_to_work(load_settings(data_dir=data_dir))

    assert "findings serve" in raised.value.remedy


def revision(url: str) -> str:
    """The schema's revision, as it is written."""
    with psycopg.connect(libpq_url(url)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchall()[0][0])
