"""A whole service, web and worker, on a database that is at head and an address that is bound."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable

import structlog
import uvicorn

from app.admission import first_login_link
from app.config import Settings
from app.errors import StartupError
from app.factory import Factory
from app.main import create_app, warm_up
from app.protocol import GuardedProtocol
from app.worker.worker import Worker

log = structlog.get_logger(__name__)

_GRACE_S = 10


def serve(
    settings: Settings,
    sock: socket.socket,
    url: str,
    on_ready: Callable[[Settings, str | None], None],
) -> None:
    """Run the service until it is told to stop.

    Calls `on_ready` once it serves, with a link to log in by.

    Raises:
        StartupError: it cannot start.
    """
    bound = settings.model_copy(update={"port": sock.getsockname()[1]})
    factory = Factory(bound, url)

    async def ready() -> None:
        on_ready(bound, await first_login_link(factory))

    app = create_app(factory, workers=settings.workers, on_ready=ready)
    _collect_less_often()
    warm_up()
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
            http=GuardedProtocol,
            ws="none",
        )
    )
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[sock])
    if not server.started:
        raise StartupError("The service did not start.", remedy="The log above says why.")


def _collect_less_often() -> None:
    """Spare the collector what is there for good, and let it come less often.

    It would look through all modules again and again, while a request leaves next to nothing that
    refers to itself.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


def work(settings: Settings, url: str) -> None:
    """Run a worker of its own until it is told to stop, then drain it."""

    async def main() -> None:
        factory = Factory(settings, url, name="worker")
        await factory.notifier.start()
        await factory.catalogues.in_step()
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

    _collect_less_often()
    asyncio.run(main())
