"""Real parts: one embedded PostgreSQL per test process, a fresh database per test."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from app.config import load_settings
from app.database import migrate
from app.factory import Factory
from tests.support.api import Api, running_api
from tests.support.cluster import (
    Server,
    clone_database,
    database_url,
    drop_database,
    session_cluster,
    short_directory,
)
from tests.support.service import Service, running_service

_TEMPLATE = "template_findings"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Server]:
    with session_cluster() as server:
        yield server


@pytest.fixture(scope="session")
def template(cluster: Server) -> str:
    """A database at head whose catalogue is in step, to be cloned by every test."""
    clone_database(cluster.admin_url, "template0", _TEMPLATE)
    url = database_url(cluster.admin_url, _TEMPLATE)
    migrate(url)

    async def sync() -> None:
        factory = Factory(load_settings(data_dir="/nonexistent"), url)
        try:
            await factory.catalogue.in_step()
        finally:
            await factory.close()

    asyncio.run(sync())
    return _TEMPLATE


@pytest.fixture
def database(cluster: Server, template: str) -> Iterator[str]:
    """The URL of a database of the test's own."""
    name = f"case_{os.getpid()}_{next(_numbers)}"
    clone_database(cluster.admin_url, template, name)
    yield database_url(cluster.admin_url, name)
    drop_database(cluster.admin_url, name)


@pytest.fixture
async def api(database: str) -> AsyncIterator[Api]:
    """The application in this process, on a database of the test's own, without a worker."""
    async with running_api(database) as found:
        yield found


@pytest.fixture
async def api_with_worker(database: str) -> AsyncIterator[Api]:
    """The application in this process with its worker."""
    async with running_api(database, workers=1) as found:
        yield found


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """A whole service in processes of its own: ``findings serve`` with everything in it."""
    with short_directory() as data_dir, running_service(data_dir) as found:
        yield found
