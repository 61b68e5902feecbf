"""The life of the embedded server: first start, adoption, crashes, refusals, end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.embedded import DataDirLock, EmbeddedCluster, initialise, program
from app.embedded.postmaster import poll
from app.errors import StartupError
from tests.support.children import NOBODY, no_other_user, run_child, start_child
from tests.support.cluster import short_directory

SERVE = """
import sys
from pathlib import Path
from app.embedded import EmbeddedCluster
cluster = EmbeddedCluster(Path(sys.argv[1]), durable=False)
with cluster.lock():
    cluster.start()
    print(cluster.status().pid, flush=True)
    sys.stdin.read()
"""

START_IN_VAIN = """
import sys
from pathlib import Path
from app.embedded import EmbeddedCluster
from app.errors import StartupError
try:
    EmbeddedCluster(Path(sys.argv[1]), durable=False).start()
except StartupError as error:
    print(error)
"""

LIVE = """
import sys
from pathlib import Path
import psycopg
from app.embedded import EmbeddedCluster
cluster = EmbeddedCluster(Path(sys.argv[1]))
with psycopg.connect(cluster.start()) as connection:
    print(connection.execute("SELECT current_user").fetchone()[0])
print(cluster.status().problems)
cluster.stop()
print(cluster.status().running)
"""

FSYNC_IS_OFF = ("fsync is off: a power cut can destroy the database. Turn it on.",)

BUSY = b"""
DO $$ BEGIN
    WHILE clock_timestamp() < now() + interval '1 second' LOOP END LOOP;
END $$
"""


class TestStart:
    def test_gives_the_service_a_database_of_its_own(self, data_dir: Path) -> None:
        url = EmbeddedCluster(data_dir, durable=False).start()

        with psycopg.connect(url) as connection:
            assert _values(connection, "SELECT current_user, current_database()") == (
                "findings",
                "findings",
            )
            connection.execute("CREATE TABLE owned (n int)")
            connection.rollback()

    def test_sets_up_for_keeps_by_default(self, data_dir: Path) -> None:
        cluster = EmbeddedCluster(data_dir)
        cluster.start()

        with psycopg.connect(cluster.admin_url) as connection:
            assert _values(
                connection,
                "SELECT current_setting('fsync'), current_setting('data_checksums'),"
                " current_setting('server_encoding'), current_setting('max_connections')",
            ) == ("on", "on", "UTF8", "60")
            assert _values(
                connection, "SELECT datlocale FROM pg_database WHERE datname = 'findings'"
            ) == ("C.UTF-8",)

    def test_adopts_the_server_of_a_killed_service(self, data_dir: Path) -> None:
        with start_child(SERVE, data_dir) as child:
            assert child.stdout
            pid = int(child.stdout.readline())
            child.kill()
            child.wait()

            # Taking the lock shows too that the server did not inherit it.
            with DataDirLock(data_dir):
                cluster = EmbeddedCluster(data_dir, durable=False)
                cluster.start()

        assert cluster.status().pid == pid

    def test_recovers_what_a_killed_server_had_acknowledged(self, data_dir: Path) -> None:
        cluster = EmbeddedCluster(data_dir)
        with psycopg.connect(cluster.start()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        killed = cluster.status().pid
        assert killed
        os.kill(killed, signal.SIGKILL)

        with psycopg.connect(cluster.start()) as connection:
            assert _values(connection, "SELECT n FROM kept") == (7,)
        assert cluster.status().pid != killed

    def test_is_not_misled_by_a_reused_process_number(
        self, data_dir: Path, stranger: subprocess.Popen[bytes]
    ) -> None:
        cluster = EmbeddedCluster(data_dir, durable=False)
        cluster.start()
        note = (data_dir / "pg" / "postmaster.pid").read_text()
        cluster.stop()
        _write_note(data_dir, note, stranger.pid)

        cluster.start()

        assert cluster.status().running
        assert stranger.poll() is None

    def test_waits_for_the_last_processes_of_a_killed_server(
        self, data_dir: Path, stranger: subprocess.Popen[bytes]
    ) -> None:
        cluster = EmbeddedCluster(data_dir, durable=False)
        cluster.start()
        connection = psycopg.connect(cluster.admin_url, autocommit=True)
        connection.pgconn.send_query(BUSY)
        killed = cluster.status().pid
        assert killed
        note = (data_dir / "pg" / "postmaster.pid").read_text()
        os.kill(killed, signal.SIGKILL)
        # The number in the note is in use again, which must neither stop nor hurry the start.
        _write_note(data_dir, note, stranger.pid)

        cluster.start()

        assert str(connection.info.backend_pid) not in _processes_in(data_dir / "pg")
        connection.close()

    def test_sets_a_new_password_when_the_file_is_lost(self, data_dir: Path) -> None:
        cluster = EmbeddedCluster(data_dir, durable=False)
        cluster.start()
        (data_dir / "pg-admin-password").unlink()
        (data_dir / "pg-service-password").unlink()

        with psycopg.connect(cluster.start()), psycopg.connect(cluster.admin_url):
            assert not list((data_dir / "pg").glob("recovery_*"))

    def test_names_the_file_when_the_password_is_wrong(self, spoilt: Path) -> None:
        (spoilt / "pg-admin-password").write_text("of-another-cluster\n")

        with pytest.raises(StartupError, match="pg-admin-password is not the one"):
            EmbeddedCluster(spoilt, durable=False).start()

        assert not EmbeddedCluster(spoilt).status().running

    def test_ignores_variables_meant_for_other_servers(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PGPORT", "1")
        monkeypatch.setenv("PGDATABASE", "elsewhere")

        with psycopg.connect(EmbeddedCluster(data_dir, durable=False).start()):
            pass

    def test_works_in_a_folder_with_an_odd_name(self, data_dir: Path, empty: Path) -> None:
        odd = empty / """it's "100%" & ü"""
        subprocess.run(["cp", "-a", data_dir, odd], check=True)
        cluster = EmbeddedCluster(odd, durable=False)

        with psycopg.connect(cluster.start()):
            pass
        cluster.stop()

    def test_turns_a_large_log_over(self, data_dir: Path) -> None:
        log = data_dir / "pg" / "postgres.log"
        log.write_bytes(b"x" * (1 << 20) + b"\n")

        EmbeddedCluster(data_dir, durable=False).start()

        assert log.stat().st_size < 1 << 20
        assert log.with_name("postgres.log.1").stat().st_size > 1 << 20

    def test_works_for_an_ordinary_user(self, empty: Path) -> None:
        if reason := no_other_user(program("initdb")):
            pytest.skip(reason)
        empty.chmod(0o700)
        os.chown(empty, NOBODY, NOBODY)

        assert run_child(LIVE, empty, user=NOBODY).split("\n")[:3] == ["findings", "()", "False"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
    def test_works_in_a_backup_that_root_copied_back(self, data_dir: Path) -> None:
        for path in [data_dir / "pg", *(data_dir / "pg").rglob("*")]:
            os.chown(path, 0, 0)

        EmbeddedCluster(data_dir, durable=False).start()

        assert EmbeddedCluster(data_dir).status().problems == FSYNC_IS_OFF


class TestFirstStart:
    def test_begins_anew_after_being_killed_halfway(self, empty: Path) -> None:
        with start_child(SERVE, empty) as child:
            for _ in poll(30):
                if any(empty.glob("pg.tmp-*/pg/base/*")):
                    break
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        assert list(empty.glob("pg.tmp-*"))
        assert not (empty / "pg").exists()

        with psycopg.connect(EmbeddedCluster(empty, durable=False).start()):
            pass

        assert not list(empty.glob("pg.tmp-*"))

    def test_is_completed_by_the_next_one(self, data_dir: Path) -> None:
        cluster = EmbeddedCluster(data_dir, durable=False)
        cluster.start()
        with psycopg.connect(cluster.admin_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE findings")
            connection.execute("DROP ROLE findings")
        (data_dir / "pg-service-password").unlink()

        with psycopg.connect(cluster.start()):
            pass

    def test_leaves_nothing_when_the_disk_is_full(
        self, empty: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = empty / "initdb"
        script.write_text(
            "#!/bin/sh\ntouch $2/half\n"
            "echo 'initdb: error: could not write to file: No space left on device'\nexit 1\n"
        )
        empty.chmod(0o755)
        script.chmod(0o755)
        monkeypatch.setattr(initialise, "program", lambda name: script)
        data_dir = empty / "data"

        with pytest.raises(StartupError, match=r"No space left on device\. Free some space"):
            EmbeddedCluster(data_dir, durable=False).start()

        assert [path.name for path in data_dir.iterdir()] == ["pg-admin-password"]

    def test_never_touches_what_is_no_cluster(self, empty: Path) -> None:
        (empty / "pg").mkdir()
        (empty / "pg" / "precious").write_text("data")

        with pytest.raises(StartupError, match="not a complete PostgreSQL database"):
            EmbeddedCluster(empty, durable=False).start()

        assert (empty / "pg" / "precious").read_text() == "data"
        assert (empty / "pg").stat().st_uid == os.geteuid()


class TestRefusal:
    def test_of_a_path_too_long_for_a_socket(self, empty: Path) -> None:
        with pytest.raises(StartupError, match="Choose a shorter FINDINGS_DATA_DIR"):
            EmbeddedCluster(empty / ("x" * 90) / "data").start()

        assert not list(empty.iterdir())

    @pytest.mark.parametrize("name", ["a,b", "a\nb"])
    def test_of_a_path_that_postgresql_cannot_take(self, empty: Path, name: str) -> None:
        with pytest.raises(StartupError, match="Choose another FINDINGS_DATA_DIR"):
            EmbeddedCluster(empty / name).start()

        assert not list(empty.iterdir())

    def test_of_another_major_version(self, empty: Path) -> None:
        (empty / "pg").mkdir()
        (empty / "pg" / "PG_VERSION").write_text("16\n")

        with pytest.raises(StartupError, match=r"PostgreSQL 16.*PostgreSQL 18.*pg_upgrade"):
            EmbeddedCluster(empty).start()

    def test_of_a_directory_that_cannot_be_written(self, empty: Path) -> None:
        other = NOBODY if os.geteuid() == 0 else None
        if other and (reason := no_other_user()):
            pytest.skip(reason)
        os.chown(empty, other or -1, -1)
        empty.chmod(0o500)

        printed = run_child(START_IN_VAIN, empty, user=other)

        assert "cannot be written to: Permission denied. Choose a FINDINGS_DATA_DIR" in printed

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
    def test_of_a_directory_of_another_user(self, empty: Path) -> None:
        os.chown(empty, NOBODY, NOBODY)

        with pytest.raises(StartupError, match=r"belongs to user nobody, .* runs as root"):
            EmbeddedCluster(empty).start()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a cluster away")
    def test_of_a_cluster_of_another_user(self, empty: Path) -> None:
        (empty / "pg").mkdir()
        os.chown(empty / "pg", NOBODY, NOBODY)

        with pytest.raises(StartupError, match=r"belongs to user nobody.*chown -R root:"):
            EmbeddedCluster(empty).start()

    def test_of_a_directory_that_everybody_can_change(self, empty: Path) -> None:
        empty.chmod(0o777)

        with pytest.raises(StartupError, match="chmod o-w"):
            EmbeddedCluster(empty).start()

    def test_with_the_servers_own_reason(self, spoilt: Path) -> None:
        with (spoilt / "pg" / "postgresql.conf").open("a") as file:
            file.write("max_connections = many\n")

        with pytest.raises(StartupError, match=r"did not start: .*contains errors.*postgres\.log"):
            EmbeddedCluster(spoilt).start()


class TestLock:
    def test_names_the_holder_and_ends_with_it(self, data_dir: Path) -> None:
        with start_child(SERVE, data_dir) as child:
            assert child.stdout
            child.stdout.readline()

            with (
                pytest.raises(StartupError, match=rf"pid {child.pid}\) already uses"),
                DataDirLock(data_dir),
            ):
                pass
            child.kill()
            child.wait()

        with DataDirLock(data_dir):
            assert (data_dir / "service.lock").read_text() == f"{os.getpid()}\n"

    def test_can_be_taken_again(self, empty: Path) -> None:
        for _ in range(2):
            with DataDirLock(empty):
                pass


class TestStop:
    def test_leaves_no_process(self, data_dir: Path) -> None:
        cluster = EmbeddedCluster(data_dir, durable=False)
        with psycopg.connect(cluster.start()):
            assert _processes_in(data_dir / "pg")

            cluster.stop()

        assert not _processes_in(data_dir / "pg")
        assert not list((data_dir / "pg" / "socket").iterdir())

    def test_works_on_an_adopted_server_and_twice(self, data_dir: Path) -> None:
        starter, adopter = (EmbeddedCluster(data_dir, durable=False) for _ in range(2))
        starter.start()

        adopter.stop()
        adopter.stop()

        assert not starter.status().running

    def test_of_what_was_never_started(self, empty: Path) -> None:
        EmbeddedCluster(empty).stop()

        assert not list(empty.iterdir())


class TestStatus:
    def test_before_and_after(self, data_dir: Path, empty: Path) -> None:
        cluster = EmbeddedCluster(data_dir)
        cluster.start()
        running = cluster.status()
        cluster.stop()
        stopped, new = cluster.status(), EmbeddedCluster(empty).status()

        assert (running.running, running.problems) == (True, ())
        assert str(running.version).startswith("18.")
        assert running.socket_dir == data_dir / "pg" / "socket"
        assert (stopped.running, stopped.pid, stopped.version) == (False, None, "18")
        assert (new.running, new.version, new.problems) == (False, None, ())

    def test_reports_every_loosened_screw(self, spoilt: Path) -> None:
        cluster = EmbeddedCluster(spoilt, durable=False)
        cluster.start()
        with psycopg.connect(cluster.admin_url) as connection:
            connection.execute("ALTER ROLE findings SUPERUSER")
        with (spoilt / "pg" / "pg_hba.conf").open("a") as file:
            file.write("host  all all 0.0.0.0/0 trust # for a moment\n")
        (spoilt / "pg-admin-password").chmod(0o644)
        (spoilt / "pg" / "socket").chmod(0o777)

        problems = "\n".join(cluster.status().problems)

        assert "pg-admin-password has mode 0644" in problems
        assert "socket has mode 0777" in problems
        assert "`host all all 0.0.0.0/0 trust`" in problems
        assert "fsync is off" in problems
        assert "findings is a superuser" in problems

    def test_a_start_tightens_them_again(self, data_dir: Path) -> None:
        cluster = EmbeddedCluster(data_dir)
        cluster.start()
        with psycopg.connect(cluster.admin_url) as connection:
            connection.execute("ALTER ROLE findings SUPERUSER")
        cluster.stop()
        (data_dir / "pg-service-password").chmod(0o644)
        (data_dir / "pg" / "socket").chmod(0o777)

        cluster.start()

        assert cluster.status().problems == ()


@pytest.fixture
def empty() -> Iterator[Path]:
    """A directory with nothing in it; what is started in it is stopped."""
    with short_directory(in_memory=True) as folder:
        try:
            yield folder
        finally:
            EmbeddedCluster(folder).stop()


@pytest.fixture
def data_dir(shared: Path) -> Iterator[Path]:
    """A data directory that was used and stopped; the test leaves it in working order."""
    yield shared
    EmbeddedCluster(shared).stop()


@pytest.fixture
def spoilt(data_dir: Path, empty: Path) -> Path:
    """A copy of it, to be damaged."""
    subprocess.run(["cp", "-a", f"{data_dir}/.", empty], check=True)
    return empty


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    with short_directory(in_memory=True) as folder:
        cluster = EmbeddedCluster(folder, durable=False)
        cluster.start()
        cluster.stop()
        yield folder


@pytest.fixture
def stranger(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the server's user that has nothing to do with it."""
    owner = (data_dir / "pg").stat().st_uid if os.geteuid() == 0 else None
    sleep = shutil.which("sleep") or "sleep"
    with subprocess.Popen([sleep, "600"], user=owner, group=owner) as process:
        yield process
        process.kill()


def _write_note(data_dir: Path, note: str, pid: int) -> None:
    first, rest = note.split("\n", 1)
    assert int(first)
    owner = (data_dir / "pg").stat()
    for name in ("postmaster.pid", "socket/.s.PGSQL.5432.lock"):
        path = data_dir / "pg" / name
        path.write_text(f"{pid}\n{rest}")
        path.chmod(0o600)
        os.chown(path, owner.st_uid, owner.st_gid)


def _processes_in(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append(process.name)
        except OSError:
            continue
    return found


def _values(connection: psycopg.Connection, query: str) -> tuple[object, ...] | None:
    return connection.execute(query.encode()).fetchone()
