"""Creates a cluster, whole or not at all.

It is made in a folder ``pg.tmp-*`` and renamed to ``pg`` when it is complete, so an interruption
leaves either nothing or a folder that the next start deletes. ``pg`` itself is never deleted.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from app.embedded.access import allow_passage, withdraw_passage
from app.embedded.account import Account, creator_of, fresh_account, text_pipe
from app.embedded.datadir import (
    ADMIN_ROLE,
    OWN_SERVER,
    DataDir,
    read_or_create_password,
    sync_directory,
)
from app.embedded.programs import POSTGRES_MAJOR, program, programs_dir
from app.errors import StartupError

HBA = "# Everybody needs a password, and there is no other way in than the socket.\n"
HBA_RULE = "local all all scram-sha-256"

SETTINGS = {
    # From a laptop to a small server; an operator may change them in pg/postgresql.conf.
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The service reports a failed statement itself. Here it would fill the disk, and could
    # quote what people wrote.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}


def create_cluster(data_dir: DataDir, *, durable: bool) -> None:
    """Creates the cluster ``pg`` with a random password for the superuser.

    Raises:
        StartupError: something that is no cluster is in the way, or PostgreSQL could not create
            one; its reason is in the message.
        OSError: the data directory could not be written to.
    """
    if data_dir.pg.is_symlink() or (data_dir.pg.exists() and any(data_dir.pg.iterdir())):
        raise StartupError(
            f"{data_dir.pg} is there, but is not a complete PostgreSQL database.",
            remedy="If nothing in it is needed, move it away and start again: a new, empty "
            "database is created. Otherwise put back a backup of the whole folder.",
        )
    _delete_leftovers(data_dir)
    account = fresh_account()
    reached = (data_dir.pg, programs_dir())
    allow_passage(account, reached)
    staging = Path(tempfile.mkdtemp(prefix="pg.tmp-", dir=data_dir.root))
    try:
        draft = _create_in(staging, account, data_dir, durable=durable)
        account.own_tree(draft)
        draft.rename(data_dir.pg)
        sync_directory(data_dir.root)
    except BaseException:
        withdraw_passage(account, reached)
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def refuse_other_version(data_dir: DataDir) -> None:
    """Makes sure that the programs here can read the cluster.

    Raises:
        StartupError: another major version of PostgreSQL made it.
        OSError: its version cannot be read.
    """
    found = (data_dir.pg / "PG_VERSION").read_text().strip()
    if found != str(POSTGRES_MAJOR):
        raise StartupError(
            f"The database in {data_dir.pg} was made by PostgreSQL {found}, "
            f"but this service comes with PostgreSQL {POSTGRES_MAJOR}.",
            remedy="Start the version of the service that made it and take a backup there, then "
            "restore that into a new FINDINGS_DATA_DIR, or convert the folder with pg_upgrade.",
        )


def failure(what: str, output: str, data_dir: DataDir) -> StartupError:
    """Returns an error with the telling line of what a PostgreSQL program printed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reason = next(iter(lines[-1:]), "it gave no reason")
    for line in lines:
        if found := re.search(r"(?:FATAL|PANIC|ERROR|error): +(.+)", line):
            reason = found[1]
            break
    remedy = f"Mend the cause and start again, or {OWN_SERVER}."
    if re.search("No space left|free disk space|wrote only", output):
        remedy = f"Free some space on the disk of {data_dir.root} and start again."
    elif data_dir.log.exists():
        remedy = f"{remedy} The server's log is {data_dir.log}."
    return StartupError(f"{what}: {reason.rstrip('.')}.", remedy=remedy)


def _create_in(staging: Path, account: Account, data_dir: DataDir, *, durable: bool) -> Path:
    creator = creator_of(account)
    draft = staging / "pg"
    draft.mkdir(mode=0o700)
    creator.own(draft)
    if account.gid is not None:
        os.chown(staging, -1, account.gid)
        staging.chmod(0o710)
    password = read_or_create_password(data_dir.admin_password)
    with text_pipe(password + "\n", creator) as stdin:
        done = creator.run(_initdb_command(draft, durable=durable), stdin)
    if done.returncode != 0:
        raise failure("PostgreSQL could not create its database", done.stdout, data_dir)
    (draft / "pg_hba.conf").write_text(HBA + HBA_RULE + "\n")
    (draft / "socket").mkdir(mode=0o700)
    return draft


def _initdb_command(draft: Path, *, durable: bool) -> list[str | Path]:
    return [
        program("initdb"),
        "-D",
        draft,
        f"--username={ADMIN_ROLE}",
        "--auth=scram-sha-256",
        "--pwfile=/dev/stdin",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums",
        "--no-instructions",
        *([] if durable else ["--no-sync"]),
        *(f"--set={name}={value}" for name, value in SETTINGS.items()),
    ]


def _delete_leftovers(data_dir: DataDir) -> None:
    for leftover in data_dir.root.glob("pg.tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)
