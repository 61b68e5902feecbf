"""Puts the web application together: routers, error rendering, lifespan."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Route

from app import __version__, admission, tracing
from app.api import (
    accounts,
    bisections,
    calibration,
    changes,
    exchange,
    external,
    figures,
    guidance,
    mutants,
    openapi,
    patches,
    problems,
    queue,
    relations,
    relocations,
    review_life,
    reviews,
    run_streams,
    runs,
    security,
    service,
    source,
    sweeps,
    targets,
    tests,
    ticket_batches,
    tickets,
    uploads,
    views,
    work_orders,
    workers,
    workflow,
)
from app.api.cursors import Cursors
from app.api.middleware import API, BodyLimit, HeadAsGet, RequestContext
from app.domain.diffs import MAX_BYTES
from app.errors import FindingsError
from app.factory import Factory
from app.mcp.endpoint import Endpoint
from app.web import charts, home, pages, report
from app.web.hosts import HostGuard
from app.worker.worker import Worker

log = structlog.get_logger(__name__)

_WORKER_PAUSE_S = 2.0
ROUTERS = (
    exchange,  # before the tickets: "/{key}" would take "/{key}.md" as well
    tickets,
    accounts,  # early, as routes are tried one by one and agents often ask who they are
    ticket_batches,
    relations,
    workflow,
    reviews,
    review_life,
    queue,
    tests,
    external,
    targets,
    patches,
    runs,
    run_streams,
    sweeps,
    bisections,
    mutants,
    source,
    relocations,
    work_orders,
    views,
    workers,
    changes,
    figures,
    calibration,
    report,
)

_DESCRIPTION = """\
Finding tickets, cross-reviews, and verification runs that show whether a claim is true.

Errors are problem documents (RFC 9457): `errors` names fields by JSON pointer, `needs` says which
role a call wants, and `remedy` lists the calls that would mend a conflict. Follow them.
"""


_FEW_TARGETS, _FEW_S, _MANY_S = 4, 15.0, 0.3
"""So long requests wait for the suites of few other targets, and of many."""

OnReady = Callable[[], Awaitable[None]]


async def _nothing_to_do() -> None:
    """Wait for nothing."""


def create_app(
    factory: Factory, *, workers: int = 0, on_ready: OnReady = _nothing_to_do
) -> FastAPI:
    """Return the application.

    Args:
        factory: everything it stands on; closed when the application stops.
        workers: so many runs are executed at once in this process; 0 for none.
        on_ready: called once requests are served.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await factory.notifier.start()
        await admission.ensure_first_admin(factory)
        secret = await factory.accounts.secret("cursors", secrets.token_bytes(32))
        app.state.cursors = Cursors(secret)
        background = [
            asyncio.create_task(_get_ready(app, factory, on_ready), name="get ready"),
            asyncio.create_task(_draw_ahead(factory), name="first charts"),
        ]
        if workers:
            worker = Worker(factory, concurrency=workers)
            background.append(asyncio.create_task(_keep_working(worker), name="worker"))
        try:
            async with tools.running():
                yield
        finally:
            app.state.ready = False
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await factory.close()

    app = FastAPI(
        title="Findings",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # app.api.guidance answers with it, whole or in part
        lifespan=lifespan,
        # A redirect would go to the address in the Host header, in plain http behind a proxy.
        redirect_slashes=False,
        # Spans of requests, where tracing is configured; metrics and logs are made here.
        telemetry={
            "tracing": tracing.is_configured(),
            "operation_spans": False,
            "metrics": False,
            "logs": False,
        },
    )
    app.state.factory = factory
    authenticate = partial(factory.accounts.authenticate, request_id=None)
    tools = Endpoint(app, authenticate, known_as=security.KNOWN)
    app.router.routes.append(Route("/mcp", tools, methods=["GET", "POST", "DELETE"]))
    # Routes are tried one by one: what machines ask every few seconds comes first.
    for module in (service, *ROUTERS, guidance):
        app.router.routes.extend(module.router.routes)
    problems.install(app)
    pages.install(app)
    openapi.install(app, documented_routes())
    app.add_middleware(HeadAsGet)
    limit = factory.settings.max_body_bytes
    app.add_middleware(BodyLimit, limit_for=lambda _method, path: _limit_for(path, limit))
    app.add_middleware(HostGuard, factory=factory)
    app.add_middleware(RequestContext, observe=factory.metrics.count_request)
    return app


def documented_routes() -> list[APIRoute]:
    """Return the routes of the API."""
    return [
        route for module in ROUTERS for route in module.router.routes if isinstance(route, APIRoute)
    ]


def _limit_for(path: str, ordinary: int) -> int:
    if "/patches/" in path:
        return MAX_BYTES
    if path == f"{API}/tickets:batch":
        return max(ticket_batches.MAX_BODY_BYTES, ordinary)
    if path == f"{API}/relocations":
        return max(uploads.MAX_BYTES, ordinary)
    if path == f"{API}/imports":
        return max(uploads.MAX_LINES_BYTES, ordinary)
    return ordinary


def warm_up() -> None:
    """Load beside all else what the first page would wait for."""
    charts.warm_up()


async def _get_ready(app: FastAPI, factory: Factory, on_ready: OnReady) -> None:
    """Bring the catalogues in step; a suite that cannot be read stops nothing else.

    Requests do not wait for many suites that are collected for the first time.
    """
    first = asyncio.Event()
    collecting = asyncio.create_task(_collect(factory, first), name="first collection")
    try:
        await first.wait()
        few = len(factory.declared.targets) <= _FEW_TARGETS
        await asyncio.wait({collecting}, timeout=_FEW_S if few else _MANY_S)
        app.state.ready = True
        await on_ready()
        await collecting
        await factory.catalogues.keep_in_step()
    finally:
        collecting.cancel()


async def _collect(factory: Factory, first: asyncio.Event) -> None:
    try:
        await factory.catalogues.in_step(first)
    except FindingsError as error:
        log.warning("catalogue.not-synced", reason=error.detail)
    except Exception:
        # Whatever it was, it is in the log, and tickets can be served without a fresh catalogue.
        log.exception("catalogue.not-synced")
    finally:
        first.set()


async def _draw_ahead(factory: Factory) -> None:
    try:
        await home.draw_ahead(factory)
    except Exception:
        # The start page draws them then, or says what is wrong.
        log.exception("charts.not-drawn")


async def _keep_working(worker: Worker) -> None:
    """Run the worker, and again when the database was away for longer than it can bear."""
    while True:
        try:
            await worker.run()
            return
        except Exception:
            log.exception("worker.failed", again_in_s=_WORKER_PAUSE_S)
            await asyncio.sleep(_WORKER_PAUSE_S)
