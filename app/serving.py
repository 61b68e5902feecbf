"""Starting and stopping a whole service: lock, database, schema, socket, web, worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator

import structlog
import uvicorn

from app.config import Settings
from app.database import migrate, require_head
from app.embedded import DataDirLock, EmbeddedCluster
from app.errors import StartupError
from app.factory import Factory
from app.main import create_app
from app.worker.worker import Worker

log = structlog.get_logger(__name__)

_GRACE_S = 10


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[str]:
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
            yield url
            return
        cluster = EmbeddedCluster(settings.data_dir)
        url = cluster.start()
        try:
            migrate(url)
            yield url
        finally:
            cluster.stop()


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


def listen(settings: Settings) -> socket.socket:
    """Bind the service's address, before anything else is started.

    Raises:
        StartupError: the address is in use or cannot be used.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((settings.host, settings.port))
    except OSError as error:
        found.close()
        raise StartupError(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.",
            remedy="Stop what uses it, or set FINDINGS_HOST and FINDINGS_PORT.",
        ) from None
    return found


def serve(settings: Settings, on_ready: Callable[[Settings], None]) -> None:
    """Run the service until it is told to stop; calls `on_ready` once it serves.

    Raises:
        StartupError: it cannot start.
    """
    with contextlib.closing(listen(settings)) as sock, database(settings) as url:
        bound = settings.model_copy(update={"port": sock.getsockname()[1]})
        factory = Factory(bound, url)
        app = create_app(factory, workers=settings.workers, on_ready=lambda: on_ready(bound))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                timeout_graceful_shutdown=_GRACE_S,
                timeout_keep_alive=30,
                proxy_headers=False,
                lifespan="on",
            )
        )
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[sock])
        if not server.started:
            raise StartupError("The service did not start.", remedy="The log above says why.")


def work(settings: Settings) -> None:
    """Run a worker of its own until it is told to stop, then drain it.

    Raises:
        StartupError: there is no database at head.
    """
    url = existing_database_url(settings)
    require_head(url)

    async def main() -> None:
        factory = Factory(settings, url, name="worker")
        await factory.bell.start()
        await factory.catalogue.in_step()
        worker = Worker(factory, concurrency=max(1, settings.workers))
        task = asyncio.create_task(worker.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        log.info("worker.started", worker=os.getpid())
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        finally:
            await factory.close()

    asyncio.run(main())
