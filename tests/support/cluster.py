"""PostgreSQL servers for the tests, and databases cloned on them.

Plain functions and context managers; the fixtures are made elsewhere::

    with session_cluster() as server:           # the embedded one, for a whole session
        url = clone_database(server.admin_url, "findings", "case_1")
        ...
        drop_database(server.admin_url, "case_1")

    if reason := foreign_server_missing():      # another server's programs, if installed
        pytest.skip(reason)
    with foreign_server() as server: ...

Both servers have the superuser `postgres` (`admin_url`) and the role `findings` without special
rights, owner of the database `findings` (`service_url`).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from app.embedded import EmbeddedCluster
from app.embedded.account import SAME_USER, Account
from app.embedded.postmaster import poll, running_postmaster

FOREIGN_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
FOREIGN_USER = "postgres"
"""Runs the foreign server when the tests run as root; comes with Debian's package."""


_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30
"""Bytes that must be free in memory for a cluster with its databases."""


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL server."""

    admin_url: str
    """Of the superuser, in the database ``postgres``."""

    service_url: str
    """Of the role ``findings``, in its database ``findings``."""


@contextlib.contextmanager
def session_cluster() -> Iterator[Server]:
    """Runs an embedded server, without durability, until the end of the block."""
    with short_directory(in_memory=True) as folder:
        cluster = EmbeddedCluster(folder, durable=False)
        cluster.start()
        try:
            yield Server(cluster.admin_url, cluster.service_url)
        finally:
            cluster.stop()


def foreign_server_missing() -> str | None:
    """Returns why `foreign_server` cannot run here; ``None`` if it can."""
    if not (FOREIGN_PROGRAMS / "initdb").exists():
        return f"no PostgreSQL programs in {FOREIGN_PROGRAMS} (Debian: postgresql-15)"
    if os.geteuid() == 0 and FOREIGN_USER not in {entry.pw_name for entry in pwd.getpwall()}:
        return f"root cannot run PostgreSQL, and there is no user {FOREIGN_USER}"
    return None


@contextlib.contextmanager
def foreign_server() -> Iterator[Server]:
    """Runs a server that is not the embedded one: PostgreSQL 15, on a TCP port of 127.0.0.1.

    Raises:
        RuntimeError: it cannot run here or did not start.
    """
    if reason := foreign_server_missing():
        raise RuntimeError(reason)
    account = _foreign_account()
    with short_directory(in_memory=True) as folder:
        account.own(folder)
        process, admin_url = _start_foreign(account, folder / "pg")
        try:
            yield Server(admin_url, _create_service_database(admin_url))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def clone_database(admin_url: str, template: str, name: str, *, owner: str | None = None) -> str:
    """Copies a database and returns the superuser's URL of the copy.

    Without `owner` the copy belongs to whom the template belongs to. Nobody may be connected to
    the template meanwhile.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {name} TEMPLATE {template} OWNER {owner}").format(
                name=sql.Identifier(name),
                template=sql.Identifier(template),
                owner=sql.Identifier(owner or _owner(connection, template)),
            )
        )
    return database_url(admin_url, name)


def drop_database(admin_url: str, name: str) -> None:
    """Deletes a database if it exists, and ends the connections to it."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def database_url(url: str, name: str) -> str:
    """Returns the same URL, of a superuser or of the service, for another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextlib.contextmanager
def short_directory(*, in_memory: bool = False) -> Iterator[Path]:
    """Makes a directory that is deleted afterwards, with a path short enough for a socket.

    With `in_memory` on a file system in memory, if there is one with room: copying a database
    takes a tenth of the time there.
    """
    parent = _MEMORY if in_memory and _has_room(_MEMORY) else Path("/tmp")
    folder = Path(tempfile.mkdtemp(prefix="fnd-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def copied(data_dir: Path) -> Iterator[Path]:
    """Copies the data directory of a stopped server; a server in the copy is stopped at the end."""
    with short_directory(in_memory=True) as folder:
        subprocess.run(["cp", "-a", f"{data_dir}/.", folder], check=True)
        try:
            yield folder
        finally:
            EmbeddedCluster(folder).stop()


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK) and shutil.disk_usage(folder).free > _ROOM


def _owner(connection: psycopg.Connection, database: str) -> str:
    row = connection.execute(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    if row is None:
        raise LookupError(f"there is no database {database}")
    return str(row[0])


def _foreign_account() -> Account:
    if os.geteuid() != 0:
        return SAME_USER
    entry = pwd.getpwnam(FOREIGN_USER)
    return Account(entry.pw_uid, entry.pw_gid)


def _start_foreign(account: Account, pg: Path) -> tuple[subprocess.Popen[bytes], str]:
    password, port = secrets.token_urlsafe(16), _free_port()
    password_file, log = pg.with_name("password"), pg.with_name("log")
    password_file.write_text(password)
    account.own(password_file)
    command: list[str | Path] = [
        FOREIGN_PROGRAMS / "initdb",
        *("-D", pg),
        *("--username=postgres", "--auth=scram-sha-256", f"--pwfile={password_file}"),
        *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"),
    ]
    done = account.run(command, subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed: {done.stdout}")
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    with log.open("wb") as file:
        process = account.launch([FOREIGN_PROGRAMS / "postgres", "-D", pg, *options], file.fileno())
    for _ in poll(60):
        found = running_postmaster(pg)
        if found is not None and found.state == "ready":
            return process, f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        if process.poll() is not None:
            break
    process.kill()
    process.wait(timeout=60)
    raise RuntimeError(f"the foreign server did not start: {log.read_text()}")


def _create_service_database(admin_url: str) -> str:
    password = secrets.token_urlsafe(16)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE findings LOGIN PASSWORD {}").format(sql.Literal(password))
        )
        connection.execute("CREATE DATABASE findings OWNER findings")
    netloc = urlsplit(admin_url).netloc.split("@")[1]
    return f"postgresql://findings:{password}@{netloc}/findings"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
