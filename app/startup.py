"""What has to be there before a process starts: lock, database at head, clock, address, engine.

Kept apart from ``app.serving``, which loads the whole service: a start that is refused says so at
once, and ``migrate``, ``backup`` and ``restore`` need nothing else.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator

import structlog

from app import tracing
from app.backup import back_up_before_upgrade
from app.config import Settings
from app.database import migrate, require_clock, require_head
from app.embedded import DataDirLock, EmbeddedCluster
from app.embedded.datadir import DataDir
from app.errors import StartupError
from app.sandbox.installed import missing_modules

log = structlog.get_logger(__name__)

_LOOKS_AFTER_DATABASE_EVERY_S = 1.0


@contextlib.contextmanager
def ready_to_serve(settings: Settings) -> Iterator[tuple[socket.socket, str]]:
    """Give the bound address and the URL of a database that is at head, to serve with.

    Raises:
        StartupError: something is missing or wrong; nothing was changed.
    """
    if settings.workers:
        _require_engine(
            "Set FINDINGS_WORKERS=0 and start findings worker on a host that has them, or install "
            "findings[worker] here."
        )
    # The same as Ctrl-C: what was started ends, the database server too. The web server hands the
    # signal on when it is done, and the default would end this process at once.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        tracing.configure("findings-web")
        with contextlib.closing(_listen(settings)) as sock, _database(settings) as url:
            yield sock, url
    finally:
        signal.signal(signal.SIGTERM, before)


def ready_to_work(settings: Settings) -> str:
    """Return the URL of a database that is at head, to work for.

    Raises:
        StartupError: there is none, or this machine cannot run tests.
    """
    _require_engine("Install findings[worker] here.")
    tracing.configure("findings-worker")
    url = existing_database_url(settings)
    require_head(url)
    require_clock(url, settings.clock_tolerance_s)
    return url


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """Give the URL of a database that is at head, starting the embedded server if need be.

    Holds the data directory's lock meanwhile.

    Raises:
        StartupError: somebody else uses the data directory, there is no database, or its schema
            is not the code's.
    """
    with DataDirLock(settings.data_dir):
        if settings.database_url is not None:
            url = settings.database_url.get_secret_value()
            require_head(url)
            require_clock(url, settings.clock_tolerance_s)
            yield url
            return
        cluster = EmbeddedCluster(settings.data_dir)
        url = cluster.start()
        try:
            upgrade(settings, url)
            require_clock(url, settings.clock_tolerance_s)
            with _kept_running(cluster):
                yield url
        finally:
            cluster.stop()


@contextlib.contextmanager
def _kept_running(cluster: EmbeddedCluster) -> Iterator[None]:
    """Start the embedded server again whenever it ends by itself, as when it was killed."""
    ending = threading.Event()

    def watch() -> None:
        while not ending.wait(_LOOKS_AFTER_DATABASE_EVERY_S):
            if cluster.is_running():
                continue
            log.error("database.ended", remedy="It is started again.")
            try:
                cluster.start()
            except StartupError as error:
                log.error("database.not-started", reason=error.detail)

    watcher = threading.Thread(target=watch, name="database watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ending.set()
        watcher.join()


@contextlib.contextmanager
def offline_database(settings: Settings) -> Iterator[str]:
    """Give the URL of a database as it is, starting the embedded server under its lock.

    Raises:
        StartupError: a service uses the data directory, or there is no database.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with DataDirLock(settings.data_dir):
        cluster = EmbeddedCluster(settings.data_dir)
        url = cluster.start()
        try:
            yield url
        finally:
            cluster.stop()


@contextlib.contextmanager
def any_database(settings: Settings) -> Iterator[str]:
    """Give the URL of a database that may or may not be in use just now.

    Raises:
        StartupError: there is none.
    """
    if settings.database_url is None and not EmbeddedCluster(settings.data_dir).status().running:
        existing_database_url(settings)  # nothing is created for want of a database
        with offline_database(settings) as url:
            yield url
        return
    yield existing_database_url(settings)


def upgrade(settings: Settings, url: str) -> tuple[str | None, str | None]:
    """Bring the schema to this version; what the embedded database holds is backed up first.

    Returns:
        The revision before and after.

    Raises:
        StartupError: there is no database, it cannot be backed up, or its schema is newer.
    """
    if settings.database_url is None:
        kept = back_up_before_upgrade(url, settings.data_dir / "backups")
        if kept is not None:
            log.info("backup.written", file=str(kept))
    return migrate(url)


def existing_database_url(settings: Settings) -> str:
    """Return the URL of a database that somebody else keeps running.

    Raises:
        StartupError: DATABASE_URL is unset and no embedded server has been set up here.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    try:
        return EmbeddedCluster(settings.data_dir).service_url
    except OSError:
        raise StartupError(
            f"DATABASE_URL is not set, and there is no embedded database in {settings.data_dir}.",
            remedy="Set DATABASE_URL, or start the service once with: findings serve",
        ) from None


def _listen(settings: Settings) -> socket.socket:
    """Bind the service's address, before anything else is started.

    Raises:
        StartupError: the address is in use or cannot be used, or it is the one of a service that
            uses the data directory already.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((settings.host, settings.port))
    except OSError as error:
        found.close()
        if DataDir.at(settings.data_dir).lock.exists():
            # Most likely a second start of the same service, for which that is the better reason.
            with DataDirLock(settings.data_dir):
                pass
        raise StartupError(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.",
            remedy="Stop what uses it, or set FINDINGS_HOST and FINDINGS_PORT.",
        ) from None
    return found


def _require_engine(remedy: str) -> None:
    """Check that this machine has what tests need.

    Raises:
        StartupError: it has not.
    """
    missing = missing_modules()
    if missing:
        raise StartupError(
            f"This host cannot run tests: {' and '.join(missing)} not installed.", remedy=remedy
        )
