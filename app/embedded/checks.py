"""What `findings doctor` looks at: whether the server runs and whether it is still closed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.embedded.datadir import ADMIN_ROLE, SERVICE_ROLE, DataDir, user_name
from app.embedded.initialise import HBA_RULE
from app.embedded.postmaster import open_regular, running_postmaster


@dataclass(frozen=True)
class ClusterStatus:
    """The state of an embedded cluster; looking at it changes nothing."""

    running: bool

    pid: int | None
    """The server's main process."""

    version: str | None
    """Of the running server such as ``18.4``, else of the cluster such as ``18``; ``None``: not
    created yet."""

    socket_dir: Path

    problems: tuple[str, ...]
    """What is wrong, each with the remedy; empty when all is well."""


def inspect(data_dir: DataDir) -> ClusterStatus:
    """Looks at a cluster; what cannot be looked at is a problem, not an exception."""
    pid, version, problems = None, None, list[str]()
    try:
        if (data_dir.pg / "PG_VERSION").exists():
            version = (data_dir.pg / "PG_VERSION").read_text().strip()
            problems.extend(_modes(data_dir))
            problems.extend(_hba(data_dir))
            if postmaster := running_postmaster(data_dir.pg):
                pid = postmaster.pid
                version = _look_inside(data_dir, problems) or version
    except OSError as error:
        problems.append(
            f"{error.filename} cannot be looked at: {error.strerror}. "
            "Run this as the user of the service."
        )
    return ClusterStatus(pid is not None, pid, version, data_dir.socket_dir, tuple(problems))


def _modes(data_dir: DataDir) -> Iterator[str]:
    for path in (data_dir.admin_password, data_dir.service_password):
        if path.exists():
            yield from _closed(path, 0o600, os.geteuid())
    server_user = data_dir.pg.stat().st_uid
    yield from _closed(data_dir.pg, 0o700, server_user)
    if data_dir.socket_dir.exists():
        yield from _closed(data_dir.socket_dir, 0o700, server_user)
    if data_dir.root.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield (f"Other users can change {data_dir.root}. Close it: chmod go-w {data_dir.root}")


def _closed(path: Path, mode: int, owner: int) -> Iterator[str]:
    found = path.lstat()
    if stat.S_IMODE(found.st_mode) & ~mode:
        yield (
            f"{path} has mode {stat.S_IMODE(found.st_mode):04o}, so other users can get at it. "
            f"Close it: chmod {mode:04o} {path}"
        )
    if found.st_uid != owner:
        yield (
            f"{path} belongs to user {user_name(found.st_uid)}. Give it back: chown {owner} {path}"
        )


def _hba(data_dir: DataDir) -> Iterator[str]:
    path = data_dir.pg / "pg_hba.conf"
    with os.fdopen(open_regular(path, os.O_RDONLY)) as file:
        rules = [" ".join(line.split("#")[0].split()) for line in file]
    for rule in rules:
        if rule and rule != HBA_RULE:
            yield f"{path} has another rule than `{HBA_RULE}`: `{rule}`. Remove it."


def _look_inside(data_dir: DataDir, problems: list[str]) -> str | None:
    try:
        password = data_dir.admin_password.read_text().strip()
        url = data_dir.url(ADMIN_ROLE, password, "postgres")
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute(
                "SELECT current_setting('server_version'), current_setting('listen_addresses'),"
                " current_setting('fsync'), current_setting('data_checksums'),"
                " (SELECT rolsuper FROM pg_roles WHERE rolname = %s)",
                [SERVICE_ROLE],
            ).fetchone()
    except psycopg.Error as error:
        problems.append(f"The server does not answer: {str(error).strip()}")
        return None
    if row is None:
        return None
    version, addresses, fsync, checksums, superuser = row
    if addresses:
        problems.append(f"The server listens on the network ({addresses}). Start it again.")
    if fsync != "on":
        problems.append("fsync is off: a power cut can destroy the database. Turn it on.")
    if checksums != "on":
        problems.append("Data checksums are off: damage of the disk goes unnoticed.")
    if superuser:
        problems.append(f"The role {SERVICE_ROLE} is a superuser. Start the service again.")
    return str(version)
