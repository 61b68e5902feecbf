"""The database: engine, migrations, and whether schema and code agree."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson
import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, make_url, pool, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.config import PROJECT_ROOT
from app.errors import StartupError

MINIMUM_VERSION = 150000
"""PostgreSQL 15, as ``server_version_num`` counts."""

_LONGEST_PAUSE_MS = 300_000
"""Within a transaction: longer than a slow reader of an export takes over a part of it."""

_MOMENT = "%Y-%m-%d %H:%M UTC"

_MIGRATION_LOCK = 0x66_69_6E_64
"""Advisory lock that keeps two processes from migrating at once."""


def sqlalchemy_url(url: str) -> str:
    """Return `url` with the driver that the service uses.

    Raises:
        StartupError: it is no database URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StartupError(
            "DATABASE_URL is not a database URL.",
            remedy="It should look like postgresql://user:password@host:5432/database.",
        ) from None
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """Return `url` as libpq and psycopg read it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


_OPTIONS: Mapping[str, Any] = {
    "json_serializer": _dumps,
    "json_deserializer": orjson.loads,
}


def connect_arguments(name: str, statement_timeout_ms: int = 30_000) -> dict[str, Any]:
    """Return what each connection is opened with: UTC, a name, and bounds on statements and pauses.

    The latter frees what a process holds that was halted in the middle of a transaction.
    """
    return {
        "application_name": f"findings {name}",
        "connect_timeout": 10,
        "options": f"-c timezone=UTC -c statement_timeout={statement_timeout_ms} "
        f"-c idle_in_transaction_session_timeout={_LONGEST_PAUSE_MS}",
    }


async def open_connection(url: str = "", **arguments: Any) -> psycopg.AsyncConnection[Any]:
    """Open a connection, to its end also when this task is cancelled meanwhile; then it is closed.

    Given up half made it would stay open until the collector finds it, and a server waits for a
    minute for one that does not say who it is: so long no database could be dropped or copied.
    """
    opening = asyncio.ensure_future(psycopg.AsyncConnection.connect(url, **arguments))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with contextlib.suppress(psycopg.Error):
            await (await opening).close()
        raise


def make_engine(
    url: str, *, name: str = "web", pool_size: int = 10, beside: int = 0
) -> AsyncEngine:
    """Return an engine whose pool opens at most `pool_size` connections.

    `beside` more may be open for whoever asks the engine itself, while a unit of work keeps all
    that are its own.
    """
    return create_async_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=beside,
        pool_timeout=30,
        # Not `async_creator`, which would get none of what the library has to say to the driver.
        connect_args={**connect_arguments(name), "async_creator_fn": open_connection},
        **_OPTIONS,
    )


def _sync_engine(url: str) -> Engine:
    return create_engine(
        sqlalchemy_url(url),
        poolclass=pool.NullPool,
        connect_args=connect_arguments("migrate", statement_timeout_ms=0),
    )


def alembic_config(connection: Connection | None = None) -> Config:
    """Return the configuration of the migrations, bound to `connection`."""
    config = Config()
    config.set_main_option("script_location", str(PROJECT_ROOT / "migrations"))
    config.attributes["connection"] = connection
    return config


@functools.cache
def known_revisions() -> tuple[str, ...]:
    """Return all revisions this code knows, the newest first."""
    scripts = ScriptDirectory.from_config(alembic_config())
    return tuple(script.revision for script in scripts.walk_revisions())


def head_revision() -> str:
    """Return the newest of them."""
    return known_revisions()[0]


def check_server(url: str) -> str | None:
    """Connect, check the server's version and return the schema's revision (None: empty).

    Raises:
        StartupError: no connection, or the server is too old.
    """
    engine = _sync_engine(url)
    try:
        with engine.connect() as connection:
            version = int(connection.scalar(text("SHOW server_version_num")) or 0)
            if version < MINIMUM_VERSION:
                raise StartupError(
                    f"The database server is PostgreSQL {version // 10000}.",
                    remedy="PostgreSQL 15 or newer is needed.",
                )
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        reason = " ".join(str(error.orig).split()).rstrip(".?")
        raise StartupError(
            f"The database does not answer: {reason}.", remedy=_remedy_for(reason)
        ) from None
    finally:
        engine.dispose()


def _remedy_for(reason: str) -> str:
    # A refused connection has no error code, only words; the server's are English (lc_messages).
    if "too many connections" in reason or "connection slots are reserved" in reason:
        return (
            "Raise the server's max_connections (or the limit of the role or database), or lower "
            "FINDINGS_DATABASE_POOL everywhere."
        )
    return "Check DATABASE_URL, the server and the password."


KEPT = MappingProxyType(
    {
        "run_arms": "results of runs",
        "run_events": "events of runs",
        "run_mutants": "mutants of runs",
        "sweep_items": "what sweeps said",
        "test_tallies": "tallies of tests",
        "suite_results": "results of the suite",
        "texts": "texts of patches and documents",
        "audit_events": "history",
    }
)
"""Tables that grow with runs and time, and what they hold."""


def what_is_kept(url: str) -> dict[str, tuple[int, int]]:
    """Return of each table in `KEPT` that there is how many rows it has, about, and its bytes.

    Raises:
        StartupError: no connection.
    """
    check_server(url)
    engine = _sync_engine(url)
    try:
        with engine.connect() as connection:
            rows = connection.execute(_SIZES, {"names": list(KEPT)})
            return {row.relname: (row.about, row.bytes) for row in rows}
    finally:
        engine.dispose()


_SIZES = text("""
SELECT relname, greatest(reltuples, 0)::bigint AS about, pg_total_relation_size(oid) AS bytes
FROM pg_class WHERE relkind = 'r' AND relname = ANY(:names)
  AND relnamespace = 'public'::regnamespace
ORDER BY relname
""")


def require_head(url: str) -> None:
    """Check that schema and code agree.

    Raises:
        StartupError: the schema is older or newer than the code's.
    """
    current, head = check_server(url), head_revision()
    if current == head:
        return
    if current is not None and current not in known_revisions():
        raise StartupError(
            f"The database schema (revision {current}) is newer than this version of findings.",
            remedy="Start the newer version, or restore a backup made before the upgrade.",
        )
    raise StartupError(
        f"The database schema is at {current or 'nothing'}, but this version needs {head}.",
        remedy="Run: findings migrate",
    )


def require_clock(url: str, tolerance_s: float) -> None:
    """Check this machine's clock against the server's, and the server's against what is written.

    Tokens and sessions expire by the one, history is told by the other. Both are one clock when
    the server runs here: then only the past in the database can tell that it was set back.

    Raises:
        StartupError: they differ by more than `tolerance_s`, unless that is 0.
    """
    if not tolerance_s:
        return
    engine = _sync_engine(url)
    try:
        with engine.connect() as connection:
            before = datetime.now(UTC)
            server = connection.scalar(text("SELECT clock_timestamp()"))
            here = before + (datetime.now(UTC) - before) / 2
            newest = connection.scalar(
                text("SELECT at FROM audit_events ORDER BY id DESC LIMIT 1"),
            )
    finally:
        engine.dispose()
    assert server is not None
    if abs((server - here).total_seconds()) > tolerance_s:
        raise StartupError(
            f"The clock here says {here:{_MOMENT}}, the database server's {server:{_MOMENT}}.",
            remedy="Set both by NTP and start again.",
        )
    if newest is not None and (newest - server).total_seconds() > tolerance_s:
        raise StartupError(
            f"The clock says {server:{_MOMENT}}, but something in the database was written later, "
            f"at {newest:{_MOMENT}}.",
            remedy="Set the clock by NTP and start again; if it is right and was ahead then, "
            "start with FINDINGS_CLOCK_TOLERANCE_S=0 until that moment is past.",
        )


def migrate(url: str, revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the schema to `revision`, in one transaction.

    Returns:
        The revision before and after.

    Raises:
        StartupError: no connection, the server is too old, or the schema is newer than the code.
    """
    before = check_server(url)
    if before is not None and before not in known_revisions():
        require_head(url)
    engine = _sync_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            config = alembic_config(connection)
            if _is_downgrade(before, revision):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
            after = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return before, after


def _is_downgrade(current: str | None, revision: str) -> bool:
    if revision == "base" or revision.startswith("-"):
        return True
    if revision == "head" or current is None:
        return False
    order = known_revisions()
    return revision in order and order.index(revision) > order.index(current)
