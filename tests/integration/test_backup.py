"""A backup holds everything, moves between servers, and is restored whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import app
from app.backup import back_up, back_up_before_upgrade, restore, size_of
from app.backup.archive import FORMAT, HEAD_BYTES, Manifest, new_archive, read_manifest
from app.database import libpq_url
from app.embedded import EmbeddedCluster, program
from app.errors import StartupError
from tests.support.api import Api
from tests.support.cluster import (
    Server,
    clone_database,
    database_url,
    drop_database,
    short_directory,
)
from tests.support.service import Service, clean_environment, refusal
from tests.support.versions import LATER, newer_version

pytestmark = pytest.mark.anyio

ROOT = Path(app.__file__).parents[1]
NODE_ID = "tests/verification/test_b2_drl_10.py"


def content(url: str) -> dict[str, object]:
    """What a database holds: its schema, every row of every table, and every counter."""
    found: dict[str, object] = {"schema": schema(url)}
    with psycopg.connect(libpq_url(url)) as connection:
        # Generated columns are the server's own work, and its version's: words of a search vector.
        tables = connection.execute(
            "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attname) "
            "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' "
            "AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' GROUP BY 1"
        ).fetchall()
        for name, columns in tables:
            query = sql.SQL("SELECT row({})::text FROM {} ORDER BY 1").format(
                sql.SQL(",").join(map(sql.Identifier, columns)), sql.Identifier(name)
            )
            found[name] = connection.execute(query).fetchall()
        found["counters"] = connection.execute(
            "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"
        ).fetchall()
    return found


def schema(url: str) -> list[str]:
    done = subprocess.run(
        [program("pg_dump"), "--schema-only", "--no-owner", "--no-privileges", libpq_url(url)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    # The dump's own words: versions, and a random one against injected commands.
    return [line for line in done.stdout.splitlines() if not re.match(r"--|\\|$", line)]


@pytest.fixture
def target(server: Server) -> object:
    """The URL of an empty database, on the embedded server and on PostgreSQL 15."""
    clone_database(server.admin_url, "template0", "restored", owner="findings")
    yield database_url(server.service_url, "restored")
    drop_database(server.admin_url, "restored")


@pytest.fixture
async def filled(api: Api, database: str) -> str:
    """A database with something of everything, in use."""
    first, second = await api.file(), await api.file(summary="Zwölf\\N\t\\.\n\\.\nboxes ☃")
    await api.call(
        "POST",
        f"/tickets/{first['key']}/reviews",
        json={"specialist": "pytorch", "verdict": "ENDORSE", "rationale": "Yes."},
        expect=201,
    )
    path = f"/tickets/{second['key']}"
    await api.call("POST", f"{path}/tests", json={"node_id": NODE_ID}, expect=201)
    await api.call("POST", f"{path}/runs", json={"kind": "check"}, expect=202)
    await api.call("POST", f"{path}/notes", json={"body": "SET transaction_timeout = 0;\n" * 2})
    return database


async def test_a_backup_brings_everything_to_another_server_and_back(
    filled: str, target: str, cluster: Server, tmp_path: Path
) -> None:
    before = content(filled)
    read: list[int] = []
    size = size_of(filled)
    back_up(filled, tmp_path / "there", read.append)
    loaded: list[int] = []
    restore(target, tmp_path / "there", tell=loaded.append)
    assert content(target) == before
    # What a bar shows of it: steps that add up to all there is. A vacuum meanwhile changes that.
    least, most = sorted((size, size_of(filled)))
    assert least <= sum(read) <= most and max(read) < sum(read)
    assert sum(loaded) == (tmp_path / "there").stat().st_size

    back_up(target, tmp_path / "back")
    clone_database(cluster.admin_url, "template0", "home", owner="findings")
    home = database_url(cluster.service_url, "home")
    try:
        restore(home, tmp_path / "back")
        assert content(home) == before
    finally:
        drop_database(cluster.admin_url, "home")


async def test_a_database_that_holds_something_is_replaced_only_on_demand(
    filled: str, target: str, tmp_path: Path
) -> None:
    back_up(filled, tmp_path / "file")
    with psycopg.connect(target) as connection:
        connection.execute(
            "CREATE TYPE mood AS ENUM ('good'); CREATE DOMAIN few AS int CHECK (VALUE < 5);"
            "CREATE TABLE mine (id serial PRIMARY KEY, m mood); CREATE VIEW v AS TABLE mine;"
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE SEQUENCE s"
        )
    before = content(target)

    with pytest.raises(StartupError, match=r"not empty.*--force"):
        restore(target, tmp_path / "file")
    assert content(target) == before

    restore(target, tmp_path / "file", force=True)
    assert content(target) == content(filled)


async def test_a_database_in_use_is_not_replaced(filled: str, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "file")
    before = content(filled)

    with pytest.raises(StartupError, match=r"in use by findings .*Stop every service"):
        restore(filled, tmp_path / "file", force=True)

    assert content(filled) == before


@pytest.fixture
def small(database: str, tmp_path: Path) -> Path:
    """A good backup of a database without tickets."""
    path = tmp_path / "small"
    back_up(database, path)
    return path


def described(path: Path, dump: bytes, changes: Mapping[str, object]) -> Path:
    """A backup with this dump, its head right but for the changes."""
    manifest = replace(
        read_manifest(path), bytes=len(dump), sha256=hashlib.sha256(dump).hexdigest(), **changes
    )
    made = path.with_name("made")
    with new_archive(made) as archive:
        archive.write(dump)
        archive.describe(manifest)
    return made


def cut_short(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-1000])
    return path


def one_bit(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[-500] ^= 1
    path.write_bytes(data)
    return path


def longer(path: Path) -> Path:
    path.write_bytes(path.read_bytes() + b"x")
    return path


def never_finished(path: Path) -> Path:
    path.write_bytes(b"\0" * HEAD_BYTES + path.read_bytes()[HEAD_BYTES:])
    return path


def damaged_head(path: Path) -> Path:
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format":  ', 1))
    return path


def newer_format(path: Path) -> Path:
    return described(path, b"?", {"format": FORMAT + 1})


def newer_schema(path: Path) -> Path:
    return described(path, path.read_bytes()[HEAD_BYTES:], {"schema": "9999"})


def half_a_dump(path: Path) -> Path:
    dump = path.read_bytes()[HEAD_BYTES:]
    return described(path, dump[: len(dump) * 3 // 4], {})


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut_short, "was cut short"),
        (one_bit, "was changed"),
        (longer, "was changed"),
        (never_finished, "is no backup of findings, or one that was never finished"),
        (damaged_head, "The head of .* is damaged"),
        (newer_format, "a newer version"),
        (newer_schema, "holds schema 9999"),
        (half_a_dump, "failed: .*Nothing was changed"),
        (lambda path: path.with_name("absent"), "cannot be read: No such file"),
    ],
)
def test_what_is_no_whole_backup_of_a_known_version_changes_nothing(
    small: Path,
    foreign: Server,
    spoil: object,
    says: str,
) -> None:
    clone_database(foreign.admin_url, "template0", "spared", owner="findings")
    url = database_url(foreign.service_url, "spared")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS one")
    before = content(url)
    try:
        with pytest.raises(StartupError, match=says) as raised:
            restore(url, spoil(small), force=True)

        assert "\n" not in str(raised.value)
        assert content(url) == before
    finally:
        drop_database(foreign.admin_url, "spared")


def test_a_backup_is_readable_by_its_owner_only_and_replaces_no_file(
    database: str, small: Path
) -> None:
    assert small.stat().st_mode & 0o777 == 0o600
    data = small.read_bytes()

    with pytest.raises(StartupError, match="is there already"):
        back_up(database, small)

    assert small.read_bytes() == data


def test_a_backup_that_fails_leaves_no_file(database: str, tmp_path: Path) -> None:
    def interrupted() -> None:
        with new_archive(tmp_path / "file") as archive:
            archive.write(b"some")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(StartupError, match="cannot be written: No such file"):
        back_up(database, tmp_path / "absent" / "file")

    assert list(tmp_path.iterdir()) == []


def test_the_password_stands_on_no_command_line(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = subprocess.Popen

    def noted(command: list[str], **options: object) -> object:
        seen.extend(map(str, command))
        return real(command, **options)

    monkeypatch.setattr(subprocess, "Popen", noted)
    back_up(database, tmp_path / "file")

    password = psycopg.conninfo.conninfo_to_dict(libpq_url(database))["password"]
    assert seen
    assert not any(password in word for word in seen)


def test_nothing_is_backed_up_before_an_upgrade_that_changes_nothing(
    database: str, tmp_path: Path
) -> None:
    assert back_up_before_upgrade(database, tmp_path / "backups") is None
    assert not (tmp_path / "backups").exists()


def findings(
    *words: str | Path, data_dir: Path, code: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *map(str, words)],
        env={
            **clean_environment(),
            "FINDINGS_DATA_DIR": str(data_dir),
            "PYTHONPATH": str(code),
        },
        cwd=code,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_running_service_is_backed_up_and_not_restored_into(
    service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    saved = findings("backup", file, data_dir=service.data_dir)
    assert saved.returncode == 0, saved.stderr
    refused = findings("restore", file, "--force", data_dir=service.data_dir)

    assert "Another findings service" in refusal(refused)
    with short_directory(in_memory=True) as elsewhere:
        done = findings("restore", file, data_dir=elsewhere)
        assert done.returncode == 0, done.stderr
        cluster = EmbeddedCluster(elsewhere)
        cluster.start()
        try:
            here = content(EmbeddedCluster(service.data_dir).service_url)
            assert content(cluster.service_url)["accounts"] == here["accounts"]
        finally:
            cluster.stop()


def test_an_upgrade_backs_up_first_and_the_way_back_is_open(
    tmp_path: Path, installation: Path
) -> None:
    newer = newer_version(tmp_path / "newer")
    cluster = EmbeddedCluster(installation, durable=False)
    url = cluster.start()
    before = content(url)
    upgraded = findings("migrate", data_dir=installation, code=newer)
    assert upgraded.returncode == 0, upgraded.stderr
    assert LATER in upgraded.stdout
    after = findings("backup", tmp_path / "after", data_dir=installation, code=newer)
    assert after.returncode == 0, after.stderr
    (kept,) = (installation / "backups").iterdir()

    with pytest.raises(StartupError, match=f"schema {LATER}"):
        restore(url, tmp_path / "after", force=True)
    assert content(url) != before

    restore(url, kept, force=True)
    assert content(url) == before


def test_the_manifest_says_where_a_backup_came_from(small: Path) -> None:
    manifest = read_manifest(small)

    assert asdict(manifest) == json.loads(small.read_bytes()[16:HEAD_BYTES])
    assert manifest.postgresql >= 150000
    assert isinstance(manifest, Manifest)
