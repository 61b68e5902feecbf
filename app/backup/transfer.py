"""Backup, restore, and the backup that an upgrade makes first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from app import __version__
from app.backup import programs
from app.backup.archive import FORMAT, HEAD_BYTES, Manifest, new_archive, read_manifest
from app.backup.progress import table_sizes
from app.database import check_server, head_revision, known_revisions, libpq_url, migrate
from app.errors import StartupError

KEPT_BEFORE_UPGRADES = 3
"""So many of the backups that upgrades made are kept."""

_SUFFIX = ".backup"
_TRANSACTION_TIMEOUT_SINCE = 170000


Tell = Callable[[int], None]
"""Hears of bytes that are through since it heard last, for a person who waits."""


def size_of(url: str) -> int:
    """Return how many bytes of tables a backup of a database reads.

    Raises:
        StartupError: the database does not answer.
    """
    check_server(url)
    return sum(table_sizes(libpq_url(url)).values())


def back_up(url: str, path: Path, tell: Tell = lambda _: None) -> Manifest:
    """Write the whole database into one file, while the service runs or not.

    Args:
        url: of the database.
        path: of the file.
        tell: of bytes of tables; `size_of` says how many there are.

    Raises:
        StartupError: the database does not answer or is empty, or the file cannot be written.
    """
    schema = check_server(url)
    if schema is None:
        raise StartupError(
            "The database is empty: there is nothing to back up.",
            remedy="Check DATABASE_URL or FINDINGS_DATA_DIR.",
        )
    url = libpq_url(url)
    with new_archive(path) as archive:
        for part in programs.dump(url, tell):
            archive.write(part)
        manifest = Manifest(
            format=FORMAT,
            schema=schema,
            findings=__version__,
            postgresql=_server_version(url),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            bytes=archive.size,
            sha256=archive.sha256,
        )
        archive.describe(manifest)
    return manifest


def restore(url: str, path: Path, *, force: bool = False, tell: Tell = lambda _: None) -> Manifest:
    """Fill a database from a backup and bring it to this version's schema.

    With `force` whatever is in it gives way, in the same transaction: it is replaced or unchanged.
    `tell` hears of bytes of the file.

    Raises:
        StartupError: the file is no whole backup or of a newer version, the database is in use,
            is not empty, or refused it. Nothing was changed then.
    """
    manifest = read_manifest(path)
    if manifest.schema not in known_revisions():
        raise StartupError(
            f"{path} holds schema {manifest.schema} of findings {manifest.findings}, which this "
            "version does not know.",
            remedy="Restore it with that version or a newer one.",
        )
    check_server(url)
    plain = libpq_url(url)
    _require_unused(plain)
    if not force:
        _require_empty(plain)
    with path.open("rb", buffering=0) as dumped:
        dumped.seek(HEAD_BYTES)
        tell(HEAD_BYTES)
        programs.load(
            plain,
            dumped,
            first=_CLEAR if force else "",
            old_server=_server_version(plain) < _TRANSACTION_TIMEOUT_SINCE,
            tell=tell,
        )
    if manifest.schema != head_revision():
        migrate(url)
    return manifest


def back_up_before_upgrade(url: str, folder: Path) -> Path | None:
    """Back a database up whose schema is older than the code's; return the file, or None.

    The last few such files are kept.

    Raises:
        StartupError: it could not be backed up; then it must not be upgraded either.
    """
    schema = check_server(url)
    if schema is None or schema == head_revision() or schema not in known_revisions():
        return None
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StartupError(
            f"There is no room for the backup before the upgrade in {folder}: {error.strerror}.",
            remedy="Make the data directory writable and start again.",
        ) from None
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%dT%H%M%S.%f}-schema-{schema}{_SUFFIX}"
    back_up(url, path)
    for old in sorted(folder.glob(f"*{_SUFFIX}"))[:-KEPT_BEFORE_UPGRADES]:
        old.unlink(missing_ok=True)
    return path


def _server_version(url: str) -> int:
    with psycopg.connect(url, connect_timeout=10) as connection:
        return connection.info.server_version


def _require_unused(url: str) -> None:
    with psycopg.connect(url, connect_timeout=10) as connection:
        users = connection.execute(
            "SELECT DISTINCT application_name FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND application_name LIKE 'findings %' ORDER BY 1"
        ).fetchall()
    if users:
        raise StartupError(
            f"The database is in use by {', '.join(str(row[0]) for row in users)}.",
            remedy="Stop every service and worker of this database first.",
        )


def _require_empty(url: str) -> None:
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') "
            "AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"
        ).fetchone()
    if row is not None and row[0]:
        raise StartupError(
            f"The database is not empty: it has {row[0]} tables and sequences.",
            remedy="Name an empty one, or say --force to replace what is in it.",
        )


_CLEAR = """
DO $clear$
DECLARE
    statement text;
BEGIN
    LOOP
        SELECT command INTO statement FROM (
            SELECT 1 AS step, format('DROP %s %s CASCADE',
                CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                    WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
                c.oid::regclass) AS command, c.oid, 'pg_class'::regclass AS class
            FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace
              AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND NOT c.relispartition
            UNION ALL
            SELECT 2, format('DROP ROUTINE %s CASCADE', p.oid::regprocedure), p.oid,
                'pg_proc'::regclass
            FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
            UNION ALL
            SELECT 3, format('DROP TYPE %s CASCADE', t.oid::regtype), t.oid, 'pg_type'::regclass
            FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
            WHERE t.typnamespace = 'public'::regnamespace
              AND (t.typtype IN ('e', 'd') OR c.relkind = 'c')
        ) AS found
        WHERE NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = found.class AND d.objid = found.oid AND d.deptype IN ('e', 'i', 'a')
        )
        ORDER BY step LIMIT 1;
        EXIT WHEN statement IS NULL;
        EXECUTE statement;
    END LOOP;
END
$clear$;
"""
