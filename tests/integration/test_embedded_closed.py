"""The embedded server is closed to everybody but the service; each test tries one way in."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.embedded import EmbeddedCluster
from tests.support.children import NOBODY, no_other_user, run_child
from tests.support.cluster import short_directory

CONNECT = """
import sys
import psycopg
try:
    psycopg.connect(sys.argv[1])
    print("in")
except psycopg.OperationalError as error:
    print(error)
"""

READ = """
import os, sys
for path in sys.argv[1:]:
    try:
        os.listdir(path) if os.path.isdir(path) else open(path).read()
        print("read", path)
    except PermissionError:
        print("refused")
"""


class TestOtherUsers:
    """They know everything - passwords included - and still stand outside."""

    def test_cannot_connect(self, cluster: EmbeddedCluster, nobody: int) -> None:
        assert "Permission denied" in run_child(CONNECT, cluster.admin_url, user=nobody)

    def test_cannot_connect_when_the_folders_above_are_open(
        self, cluster: EmbeddedCluster, data_dir: Path, nobody: int
    ) -> None:
        data_dir.chmod(0o755)

        assert "Permission denied" in run_child(CONNECT, cluster.admin_url, user=nobody)

    def test_cannot_read_passwords_or_data(self, data_dir: Path, nobody: int) -> None:
        data_dir.chmod(0o755)
        targets = ["pg-admin-password", "pg-service-password", "service.lock", "pg", "pg/base"]

        printed = run_child(READ, *(data_dir / target for target in targets), user=nobody)

        assert printed.split() == ["refused"] * len(targets)


class TestFiles:
    def test_are_for_their_owner_only(self, data_dir: Path) -> None:
        for path in data_dir.rglob("*"):
            assert not stat.S_IMODE(path.lstat().st_mode) & 0o077, path

    def test_of_the_service_are_not_the_servers(self, data_dir: Path) -> None:
        for name in ("pg-admin-password", "pg-service-password", "service.lock"):
            found = (data_dir / name).stat()
            assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (os.geteuid(), 0o600), name

    def test_ask_everybody_for_a_password(self, data_dir: Path) -> None:
        lines = (data_dir / "pg" / "pg_hba.conf").read_text().splitlines()

        assert [line for line in lines if not line.startswith("#")] == [
            "local all all scram-sha-256"
        ]

    def test_are_not_followed_out_of_the_cluster(self, data_dir: Path) -> None:
        target = data_dir / "of-the-service"
        target.write_text("kept")
        log = data_dir / "pg" / "postgres.log"
        cluster = EmbeddedCluster(data_dir)
        cluster.stop()
        log.unlink()
        log.symlink_to(target)

        with pytest.raises(Exception, match="symbolic links"):
            cluster.start()

        assert target.read_text() == "kept"
        log.unlink()
        target.unlink()
        cluster.start()


class TestServer:
    def test_listens_on_no_port(self, pid: int) -> None:
        sockets = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
        tables = [Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6", "udp", "udp6")]
        lines = [line for table in tables if table.exists() for line in table.open()]

        inodes = {f"socket:[{line.split()[9]}]" for line in lines if ":" in line.split()[0]}

        assert any(name.startswith("socket:") for name in sockets)
        assert not sockets & inodes

    def test_is_not_reached_by_ctrl_c(self, pid: int) -> None:
        assert os.getsid(pid) == pid

    def test_sees_no_secret_of_the_service(self, pid: int) -> None:
        names = {
            entry.split(b"=")[0] for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        }

        assert b"FINDINGS_TOKEN" in {name.encode() for name in os.environ}
        assert names <= {b"PATH", b"LC_ALL", b"TZ", b"PG_GRANDPARENT_PID", b""}

    @pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has one user number only")
    def test_of_a_root_service_has_a_user_of_its_own(self, pid: int) -> None:
        fields = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if ":\t" in line
        )

        assert set(fields["Uid"].split()) == set(fields["Gid"].split())
        assert 60706 <= int(fields["Uid"].split()[0]) <= 61183
        assert fields["Groups"].strip() == ""


class TestServiceRole:
    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT pg_read_file('PG_VERSION')",
            "SELECT pg_ls_dir('.')",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "COPY (SELECT 1) TO '/tmp/out'",
            "CREATE DATABASE another",
            "CREATE ROLE another",
            "ALTER ROLE findings SUPERUSER",
            "ALTER SYSTEM SET listen_addresses = '*'",
            "SELECT rolpassword FROM pg_authid",
        ],
    )
    def test_may_not(self, cluster: EmbeddedCluster, statement: str) -> None:
        with (
            psycopg.connect(cluster.service_url, autocommit=True) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement.encode())

    @pytest.mark.parametrize("role", ["findings", "postgres"])
    @pytest.mark.parametrize("password", ["", "wrong"])
    def test_needs_its_password(
        self, cluster: EmbeddedCluster, data_dir: Path, role: str, password: str
    ) -> None:
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host=str(data_dir / "pg" / "socket"),
                port=5432,
                user=role,
                password=password,
                dbname="findings",
            )

    def test_and_the_superuser_have_long_passwords_of_their_own(self, data_dir: Path) -> None:
        passwords = {
            (data_dir / f"pg-{role}-password").read_text().strip() for role in ("admin", "service")
        }

        assert len(passwords) == 2
        assert all(len(password) >= 256 / 6 for password in passwords)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs the server as itself")
class TestClosedFolderAbove:
    def test_lets_the_server_through_and_nobody_else(self, closed: Path, nobody: int) -> None:
        data_dir = closed / "data"

        with psycopg.connect(EmbeddedCluster(data_dir, durable=False).start()):
            pass

        printed = run_child(READ, closed, data_dir, data_dir / "pg", user=nobody)
        assert printed.split() == ["refused"] * 3

    def test_is_as_before_when_the_server_has_stopped(self, closed: Path) -> None:
        cluster = EmbeddedCluster(closed / "data", durable=False)
        cluster.start()
        assert os.listxattr(closed) == ["system.posix_acl_access"]

        cluster.stop()

        for path in (closed, closed / "data"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
            assert not os.listxattr(path)

    def test_keeps_the_entries_it_had(self, closed: Path) -> None:
        before = bytes.fromhex(
            "02000000 01000700ffffffff 02000500fefe0000 04000000ffffffff"
            "10000500ffffffff 20000000ffffffff"
        )
        os.setxattr(closed, "system.posix_acl_access", before)
        cluster = EmbeddedCluster(closed / "data", durable=False)
        cluster.start()

        cluster.stop()

        assert os.getxattr(closed, "system.posix_acl_access") == before


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with short_directory() as folder:
        yield folder


@pytest.fixture(scope="module")
def closed_folder() -> Iterator[Path]:
    with short_directory() as folder:
        yield folder


@pytest.fixture
def closed(closed_folder: Path) -> Iterator[Path]:
    """A folder that only root may enter, for a data directory ``data`` in it."""
    yield closed_folder
    EmbeddedCluster(closed_folder / "data").stop()
    if os.listxattr(closed_folder):
        os.removexattr(closed_folder, "system.posix_acl_access")
        closed_folder.chmod(0o700)


@pytest.fixture(scope="module")
def cluster(data_dir: Path) -> Iterator[EmbeddedCluster]:
    """One running server for the whole module, started with a secret in the environment."""
    cluster = EmbeddedCluster(data_dir)
    with pytest.MonkeyPatch.context() as patch, cluster.lock():
        patch.setenv("FINDINGS_TOKEN", "secret")
        cluster.start()
        yield cluster
        cluster.stop()


@pytest.fixture
def pid(cluster: EmbeddedCluster) -> int:
    pid = cluster.status().pid
    assert pid
    return pid


@pytest.fixture(scope="module")
def nobody() -> int:
    """The number of a user who is neither the service nor the server."""
    if reason := no_other_user():
        pytest.skip(reason)
    return NOBODY
