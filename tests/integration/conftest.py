"""Real parts: one embedded PostgreSQL per test process, a database as new for each test.

Tests work as the service does: as a role without special rights that owns its database.
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from app.backup import back_up, restore
from app.config import load_settings
from app.database import migrate
from app.embedded import EmbeddedCluster
from tests.support import common
from tests.support.api import Api, running_api
from tests.support.cluster import (
    Server,
    clone_database,
    copied,
    database_url,
    foreign_server,
    foreign_server_missing,
    session_cluster,
    short_directory,
)
from tests.support.databases import ROLE, DatabasePool, fresh_database
from tests.support.service import Service, running_service
from tests.support.shared import Shared

anyio_backend = common.anyio_backend
pytest_collectstart = common.pytest_collectstart
pytest_collection_finish = common.pytest_collection_finish

_TEMPLATE = "template_findings"
_SCHEMA_TEMPLATE = "template_schema"
Lend = Callable[[Server, str], contextlib.AbstractContextManager[str]]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Server]:
    with session_cluster() as server:
        yield server


@pytest.fixture(scope="session")
async def shared(cluster: Server, anyio_backend: str) -> AsyncIterator[Shared]:
    """What applications share; all tests that use it run on one event loop."""
    found = Shared()
    yield found
    await found.close()


@pytest.fixture(scope="session")
async def template(cluster: Server, shared: Shared, anyio_backend: str) -> str:
    """A database at head whose catalogue is in step, to be cloned by every test."""
    clone_database(cluster.admin_url, "template0", _TEMPLATE, owner=ROLE)
    url = database_url(cluster.service_url, _TEMPLATE)
    migrate(url)
    # Nobody may be connected to what is to be cloned.
    factory = shared.factory(load_settings(data_dir="/nonexistent"), url, connections=False)
    try:
        await factory.catalogues.in_step()
    finally:
        await factory.close()
    return _TEMPLATE


@pytest.fixture(scope="session")
def lend() -> Lend:
    """Lends a database that is as a template on a server is."""
    pools: dict[tuple[Server, str], DatabasePool] = {}

    def lend(server: Server, template: str) -> contextlib.AbstractContextManager[str]:
        return pools.setdefault((server, template), DatabasePool(server, template)).lend()

    return lend


@pytest.fixture
def database(lend: Lend, cluster: Server, template: str) -> Iterator[str]:
    """The URL of a database of the test's own."""
    with lend(cluster, template) as url:
        yield url


@pytest.fixture
def other_database(lend: Lend, cluster: Server, template: str) -> Iterator[str]:
    """The URL of a second database of the test's own."""
    with lend(cluster, template) as url:
        yield url


@pytest.fixture(scope="module")
def module_database(lend: Lend, cluster: Server, template: str) -> Iterator[str]:
    """The URL of a database that the tests of one file share."""
    with lend(cluster, template) as url:
        yield url


@pytest.fixture(scope="session")
def foreign() -> Iterator[Server]:
    """A server that is not the embedded one: PostgreSQL 15, the oldest that is supported."""
    if reason := foreign_server_missing():
        pytest.skip(reason)
    with foreign_server() as server:
        yield server


@pytest.fixture(params=["cluster", "foreign"])
def server(request: pytest.FixtureRequest) -> Server:
    """The embedded server, and then the foreign one."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def empty_database(server: Server) -> Iterator[str]:
    """The URL of a database without a schema, on either server."""
    with fresh_database(server, "template0") as name:
        yield database_url(server.service_url, name)


@pytest.fixture(scope="session")
def schema_template() -> Callable[[Server], str]:
    """Gives the name of a database at head on a server, to be cloned; made when first asked for."""

    @functools.cache
    def made(server: Server) -> str:
        clone_database(server.admin_url, "template0", _SCHEMA_TEMPLATE, owner=ROLE)
        migrate(database_url(server.service_url, _SCHEMA_TEMPLATE))
        return _SCHEMA_TEMPLATE

    return made


@pytest.fixture
def schema_database(
    lend: Lend, server: Server, schema_template: Callable[[Server], str]
) -> Iterator[str]:
    """The URL of a database at head, on either server."""
    with lend(server, schema_template(server)) as url:
        yield url


@pytest.fixture
async def api(database: str, shared: Shared) -> AsyncIterator[Api]:
    """The application in this process, on a database of the test's own, without a worker."""
    async with running_api(database, shared=shared) as found:
        yield found


@pytest.fixture
async def api_with_worker(database: str, shared: Shared) -> AsyncIterator[Api]:
    """The application in this process with its worker."""
    async with running_api(database, workers=1, shared=shared) as found:
        yield found


@pytest.fixture(scope="session")
def installed(template: str, cluster: Server) -> Iterator[Path]:
    """A data directory as a stopped service leaves it: database at head, catalogue in step.

    A service that starts on a copy of it has no cluster to create, no schema to make and no suite
    to collect.
    """
    with short_directory(in_memory=True) as folder, tempfile.TemporaryDirectory() as elsewhere:
        embedded = EmbeddedCluster(folder, durable=False)
        url = embedded.start()
        try:
            back_up(database_url(cluster.service_url, template), Path(elsewhere) / "file")
            restore(url, Path(elsewhere) / "file")
        finally:
            embedded.stop()
        yield folder


@pytest.fixture
def installation(installed: Path) -> Iterator[Path]:
    """A copy of it, of the test's own; its server is stopped in the end."""
    with copied(installed) as folder:
        yield folder


@pytest.fixture(scope="session")
def service(installed: Path) -> Iterator[Service]:
    """A whole service in processes of its own: ``findings serve`` with everything in it."""
    with copied(installed) as data_dir, running_service(data_dir) as found:
        yield found
